package config_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

type plain struct {
	Name string        `env:"NAME" env-default:"default"`
	Key  config.Secret `env:"KEY"`
}

type store vars

func (s store) Secret(_ context.Context, name string) (string, bool, error) {
	value, ok := s[name]
	if value == "broken" {
		return "", false, errors.Sentinel("vault is sealed, Bearer abcdefghijklmnop")
	}
	return value, ok, nil
}

func TestOrderOfSources(t *testing.T) {
	t.Parallel()
	const file = "/run/secrets/key"
	for _, c := range []struct {
		name             string
		process, files   vars
		store            config.SecretStore
		variable         string
		value, wantStore string
	}{
		{"the default comes last", nil, nil, nil, "NAME", "default", config.SourceDefault},
		{"nothing", nil, nil, nil, "KEY", "", config.SourceUnset},
		{"the store is asked for secrets", nil, nil, store{"KEY": "v", "NAME": "v"}, "KEY", "v", config.SourceSecretStore},
		{"and only for secrets", nil, nil, store{"KEY": "v", "NAME": "v"}, "NAME", "default", config.SourceDefault},
		{"an empty secret in the store is none", nil, nil, store{"KEY": ""}, "KEY", "", config.SourceUnset},
		{"dotenv beats the default", nil, vars{".env": "#\nNAME=d"}, nil, "NAME", "d", ".env line 2"},
		{"dotenv beats the store", nil, vars{".env": "KEY=d"}, store{"KEY": "v"}, "KEY", "d", ".env line 1"},
		{"the process beats dotenv", vars{"NAME": "p"}, vars{".env": "NAME=d"}, nil, "NAME", "p", config.SourceEnvironment},
		{"an empty variable is unset", vars{"NAME": ""}, vars{".env": "NAME=d"}, nil, "NAME", "d", ".env line 1"},
		{"empty everywhere", vars{"NAME": ""}, vars{".env": "NAME="}, nil, "NAME", "default", config.SourceDefault},
		{"a key without value is unset", nil, vars{".env": "NAME"}, nil, "NAME", "default", config.SourceDefault},
		{"the later line counts", nil, vars{".env": "NAME=1\nNAME=2"}, nil, "NAME", "2", ".env line 2"},
		{"a file beats dotenv", vars{"KEY_FILE": file}, vars{file: "f\n", ".env": "KEY=d"}, nil, "KEY", "f", "file " + file},
		{"one line break is cut off", vars{"KEY_FILE": file}, vars{file: " f \n\r\n"}, nil, "KEY", " f \n", "file " + file},
		{"dotenv may name a file", nil, vars{file: "f", ".env": "KEY_FILE=" + file}, nil, "KEY", "f", "file " + file},
		{"the process beats a file of dotenv", vars{"KEY": "p"}, vars{file: "f", ".env": "KEY_FILE=" + file}, nil, "KEY", "p", "environment"},
		{"the process beats its own file", vars{"KEY": "p", "KEY_FILE": file}, vars{file: "f"}, nil, "KEY", "p", "environment"},
		{"an empty variable does not", vars{"KEY": "", "KEY_FILE": file}, vars{file: "f"}, nil, "KEY", "f", "file " + file},
		{"dotenv beats its own file", nil, vars{file: "f", ".env": "KEY=d\nKEY_FILE=" + file}, nil, "KEY", "d", ".env line 1"},
		{"an empty KEY_FILE is unset", vars{"KEY": "p", "KEY_FILE": ""}, nil, nil, "KEY", "p", config.SourceEnvironment},
		{"only secrets have files", vars{"NAME_FILE": file}, vars{file: "f"}, nil, "NAME", "default", config.SourceDefault},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got plain
			o := given(c.process, c.files)
			o.Secrets = c.store
			provenance, err := config.LoadInto(t.Context(), &got, o)
			require.NoError(t, err)
			assert.Equal(t, c.value, map[string]string{"NAME": got.Name, "KEY": got.Key.Reveal()}[c.variable])
			assert.Equal(t, c.wantStore, provenance.Source(c.variable))
		})
	}
}

func TestBadSources(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		process, files vars
		store          config.SecretStore
		want, message  string
	}{
		"no such file":  {vars{"KEY_FILE": "canary"}, nil, nil, "KEY file", "the file that KEY_FILE names does not exist"},
		"an empty file": {vars{"KEY_FILE": "/f"}, vars{"/f": "\n"}, nil, "KEY file", "the file that KEY_FILE names is empty"},
		"a dead store":  {nil, nil, store{"KEY": "broken"}, "KEY secret_store", "cannot be read from the secret store: vault is sealed"},
		"no ENV_FILE":   {vars{"ENV_FILE": "canary"}, nil, nil, "ENV_FILE file", "ENV_FILE: the dotenv file does not exist"},
		"bad dotenv":    {nil, vars{".env": "\n  KEY='canary"}, nil, "ENV_FILE quote", "is not closed (.env line 2, column 7)"},
		"production in .env": {
			nil, vars{".env": "NAME=canary\nAPP_ENVIRONMENT=Production"}, nil, "APP_ENVIRONMENT source", "a .env is for development and testing",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := given(c.process, c.files)
			o.Secrets = c.store
			assert.Equal(t, []string{c.want}, problems(t, &plain{}, o))
			_, err := config.LoadInto(t.Context(), &plain{}, o)
			require.ErrorContains(t, err, c.message)
			assert.NotContains(t, err.Error(), "canary")
			assert.NotContains(t, err.Error(), "abcdefghijklmnop")
		})
	}
}

func TestUnreadableFiles(t *testing.T) {
	t.Parallel()
	for _, cause := range []error{&fs.PathError{Op: "read", Path: "canary", Err: fs.ErrPermission}, errors.Sentinel("canary")} {
		o := given(vars{"KEY_FILE": "/f"}, nil)
		o.ReadFile = func(string) ([]byte, error) { return nil, cause }
		_, err := config.LoadInto(t.Context(), &plain{}, o)
		require.ErrorContains(t, err, "ENV_FILE: the dotenv file cannot be read")
		require.ErrorContains(t, err, "KEY: the file that KEY_FILE names cannot be read")
		assert.NotContains(t, err.Error(), "canary")
	}
}

func TestWhenDotenvIsRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		process vars
		file    string
		dotenv  string
		want    string
	}{
		"development":             {vars{"APP_ENVIRONMENT": "development"}, ".env", "NAME=d", "d"},
		"any case":                {vars{"APP_ENVIRONMENT": "Testing"}, ".env", "NAME=d", "d"},
		"nobody says":             {nil, ".env", "NAME=d", "d"},
		"the file says testing":   {nil, ".env", "APP_ENVIRONMENT=testing\nNAME=d", "d"},
		"production":              {vars{"APP_ENVIRONMENT": "production"}, ".env", "NAME=d", "default"},
		"staging":                 {vars{"APP_ENVIRONMENT": "staging"}, ".env", "NAME=d", "default"},
		"nonsense":                {vars{"APP_ENVIRONMENT": "prod"}, ".env", "NAME=d", "default"},
		"named, in production":    {vars{"APP_ENVIRONMENT": "production", "ENV_FILE": "x.env"}, "x.env", "NAME=d", "d"},
		"named, says production":  {vars{"ENV_FILE": "x.env"}, "x.env", "APP_ENVIRONMENT=production\nNAME=d", "d"},
		"named, .env is not read": {vars{"ENV_FILE": "x.env"}, "x.env", "", "default"},
		"the environment beats what the file says": {
			vars{"APP_ENVIRONMENT": "development"}, ".env", "APP_ENVIRONMENT=production\nNAME=d", "d",
		},
		"references": {vars{"HOST": "h"}, ".env", "HOST=no\nNAME=http://${HOST}:${PORT:-80}", "http://h:80"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got plain
			_, err := config.LoadInto(t.Context(), &got, given(c.process, vars{c.file: c.dotenv}))
			require.NoError(t, err)
			assert.Equal(t, c.want, got.Name)
		})
	}
}

// The zero Options read the machine: here, variables and files that this test makes.
func TestDefaults(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, ".env"), []byte("NAME=d\nKEY=${PART}2\n"), 0o600))
	t.Setenv("PART", "1")
	t.Setenv("ENV_FILE", "")
	t.Setenv("APP_ENVIRONMENT", "")
	var got plain
	provenance, err := config.LoadInto(t.Context(), &got, config.Options{Dir: dir})
	require.NoError(t, err)
	assert.Equal(t, plain{"d", "12"}, got)
	assert.Equal(t, filepath.Join(dir, ".env")+" line 2", provenance.Source("KEY"))
	_, leaked := os.LookupEnv("NAME")
	assert.False(t, leaked, "a dotenv file does not change the process environment")
}
