package config_test

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

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

type storeFunc func(ctx context.Context, name string) (string, bool, error)

func (f storeFunc) Secret(ctx context.Context, name string) (string, bool, error) {
	return f(ctx, name)
}

func TestOrderOfSources(t *testing.T) {
	t.Parallel()
	const file = "/run/secrets/key"
	for _, c := range []struct {
		name           string
		process, files vars
		store          config.SecretStore
		variable       string
		value, source  string
	}{
		{"default", nil, nil, nil, "NAME", "default", config.SourceDefault},
		{"nothing", nil, nil, nil, "KEY", "", config.SourceUnset},
		{"secret from the store", nil, nil, store{"KEY": "v", "NAME": "v"}, "KEY", "v", config.SourceSecretStore},
		{"the store is for secrets only", nil, nil, store{"KEY": "v", "NAME": "v"}, "NAME", "default", config.SourceDefault},
		{"an empty secret in the store is unset", nil, nil, store{"KEY": ""}, "KEY", "", config.SourceUnset},
		{"dotenv overrides the default", nil, vars{".env": "#\nNAME=d"}, nil, "NAME", "d", ".env line 2"},
		{"dotenv overrides the store", nil, vars{".env": "KEY=d"}, store{"KEY": "v"}, "KEY", "d", ".env line 1"},
		{"the process overrides dotenv", vars{"NAME": "p"}, vars{".env": "NAME=d"}, nil, "NAME", "p", config.SourceEnvironment},
		{"an empty variable is unset", vars{"NAME": ""}, vars{".env": "NAME=d"}, nil, "NAME", "d", ".env line 1"},
		{"empty everywhere", vars{"NAME": ""}, vars{".env": "NAME="}, nil, "NAME", "default", config.SourceDefault},
		{"a key without value is unset", nil, vars{".env": "NAME"}, nil, "NAME", "default", config.SourceDefault},
		{"the last line counts", nil, vars{".env": "NAME=1\nNAME=2"}, nil, "NAME", "2", ".env line 2"},
		{"a file overrides dotenv", vars{"KEY_FILE": file}, vars{file: "f\n", ".env": "KEY=d"}, nil, "KEY", "f", "file " + file},
		{"line breaks at the end are removed", vars{"KEY_FILE": file}, vars{file: "f \n f\n\r\n"}, nil, "KEY", "f \n f", "file " + file},
		{"a byte order mark is removed", vars{"KEY_FILE": file}, vars{file: "\ufefff\n"}, nil, "KEY", "f", "file " + file},
		{"dotenv may name a file", nil, vars{file: "f", ".env": "KEY_FILE=" + file}, nil, "KEY", "f", "file " + file},
		{"the process overrides a file of dotenv", vars{"KEY": "p"}, vars{file: "f", ".env": "KEY_FILE=" + file}, nil, "KEY", "p", "environment"},
		{"the process overrides its own file", vars{"KEY": "p", "KEY_FILE": file}, vars{file: "f"}, nil, "KEY", "p", "environment"},
		{"an empty variable does not override its file", vars{"KEY": "", "KEY_FILE": file}, vars{file: "f"}, nil, "KEY", "f", "file " + file},
		{"dotenv overrides its own file", nil, vars{file: "f", ".env": "KEY=d\nKEY_FILE=" + file}, nil, "KEY", "d", ".env line 1"},
		{"an empty KEY_FILE is unset", vars{"KEY": "p", "KEY_FILE": ""}, nil, nil, "KEY", "p", config.SourceEnvironment},
		{"no file for other fields", vars{"NAME_FILE": file}, vars{file: "f"}, nil, "NAME", "default", config.SourceDefault},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got plain
			o := given(c.process, c.files)
			o.Secrets = c.store
			provenance, err := load(t, &got, o)
			require.NoError(t, err)
			assert.Equal(t, c.value, map[string]string{"NAME": got.Name, "KEY": got.Key.Reveal()}[c.variable])
			assert.Equal(t, c.source, source(provenance, c.variable))
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
		"no such file":  {vars{"KEY_FILE": "canary"}, nil, nil, "KEY file", "the file named by KEY_FILE does not exist"},
		"an empty file": {vars{"KEY_FILE": "/f"}, vars{"/f": "\n"}, nil, "KEY file", "the file named by KEY_FILE is empty"},
		"a mark alone":  {vars{"KEY_FILE": "/f"}, vars{"/f": "\ufeff\r\n"}, nil, "KEY file", "the file named by KEY_FILE is empty"},
		"UTF-16":        {vars{"KEY_FILE": "/f"}, vars{"/f": "\xff\xfec\x00"}, nil, "KEY file", "the file named by KEY_FILE is not UTF-8 text"},
		"a dead store":  {nil, nil, store{"KEY": "broken"}, "KEY secret_store", "cannot be read from the secret store: vault is sealed"},
		"no ENV_FILE":   {vars{"ENV_FILE": "canary"}, nil, nil, "ENV_FILE file", "ENV_FILE: the dotenv file does not exist"},
		"bad dotenv":    {nil, vars{".env": "\n  KEY='canary"}, nil, "ENV_FILE quote", "is not closed (.env line 2, column 7)"},
		"production in .env": {
			nil, vars{".env": "NAME=canary\nAPP_ENVIRONMENT=Production"}, nil, "APP_ENVIRONMENT source", "must be set in the process environment, since .env is for development and testing",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := given(c.process, c.files)
			o.Secrets = c.store
			assert.Equal(t, []string{c.want}, problems(t, &plain{}, o))
			_, err := load(t, &plain{}, o)
			require.ErrorContains(t, err, c.message)
			assert.NotContains(t, err.Error(), "canary")
			assert.NotContains(t, err.Error(), "abcdefghijklmnop")
		})
	}
}

func TestInvisibleEndsOfFilesAreRefused(t *testing.T) {
	t.Parallel()
	for _, invisible := range []string{" ", "\t", "\u00a0", "\u200b", "\u2060", "\u202e", "\u2028", "\ufeff", "\x1b", "\x7f", "\u00ad"} {
		for _, content := range []string{"canary" + invisible, "canary" + invisible + "\n", " " + invisible + "canary\n"} {
			o := given(vars{"KEY_FILE": "/f"}, vars{"/f": content})
			_, err := load(t, &plain{}, o)
			require.ErrorContains(t, err, "KEY: the file named by KEY_FILE begins or ends with white space or an invisible character", "%q", content)
			assert.NotContains(t, err.Error(), "canary")
		}
	}
	assert.Empty(t, problems(t, &plain{}, given(vars{"KEY_FILE": "/f"}, vars{"/f": "in\u200bside ä é\u0301\n"})))
}

func TestBrokenReferencesAreProblems(t *testing.T) {
	t.Parallel()
	for line, want := range map[string][]string{
		"NAME=${canary}":               {"NAME reference"},
		"NAME=x${canary}y":             {"NAME reference"},
		"KEY=\"${canary}\"":            {"KEY reference"},
		"NAME=${canary-d}":             {"NAME reference"},
		"NAME=${canary:?is missing}":   {"NAME reference"},
		"KEY_FILE=${canary}/key":       {"KEY reference"},
		"NAME=${canary}\nKEY=${canary": {"NAME reference"},
		"NAME=${canary:-}":             nil,
		"NAME=${HOST}":                 nil,
		"KEY='${canary}'":              nil,
		"OTHER=${canary:?is missing}":  nil, // a variable that is not read
		"NAME=${canary}\nNAME=2":       nil,
	} {
		o := given(vars{"HOST": "h"}, vars{".env": line})
		assert.Equal(t, want, problems(t, &plain{}, o), line)
		if _, err := load(t, &plain{}, o); want != nil {
			require.ErrorContains(t, err, ".env line 1")
			assert.NotContains(t, err.Error(), "canary")
		}
	}
	assert.Empty(t, problems(t, &plain{}, given(vars{"NAME": "p"}, vars{".env": "NAME=${canary}"})), "the process overrides the file")
}

func TestUnreadableFiles(t *testing.T) {
	t.Parallel()
	for _, cause := range []error{&fs.PathError{Op: "read", Path: "canary", Err: fs.ErrPermission}, errors.Sentinel("canary")} {
		o := given(vars{"KEY_FILE": "/f"}, nil)
		o.ReadFile = func(string) ([]byte, error) { return nil, cause }
		_, err := load(t, &plain{}, o)
		require.ErrorContains(t, err, "ENV_FILE: the dotenv file cannot be read")
		require.ErrorContains(t, err, "KEY: the file named by KEY_FILE cannot be read")
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
		"not set":                 {nil, ".env", "NAME=d", "d"},
		"the file says testing":   {nil, ".env", "APP_ENVIRONMENT=testing\nNAME=d", "d"},
		"production":              {vars{"APP_ENVIRONMENT": "production"}, ".env", "NAME=d", "default"},
		"staging":                 {vars{"APP_ENVIRONMENT": "staging"}, ".env", "NAME=d", "default"},
		"nonsense":                {vars{"APP_ENVIRONMENT": "prod"}, ".env", "NAME=d", "default"},
		"named, in production":    {vars{"APP_ENVIRONMENT": "production", "ENV_FILE": "x.env"}, "x.env", "NAME=d", "d"},
		"named, says production":  {vars{"ENV_FILE": "x.env"}, "x.env", "APP_ENVIRONMENT=production\nNAME=d", "d"},
		"named, .env is not read": {vars{"ENV_FILE": "x.env"}, "x.env", "", "default"},
		"the environment overrides the file": {
			vars{"APP_ENVIRONMENT": "development"}, ".env", "APP_ENVIRONMENT=production\nNAME=d", "d",
		},
		"references": {vars{"HOST": "h"}, ".env", "HOST=no\nNAME=http://${HOST}:${PORT:-80}", "http://h:80"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got plain
			_, err := load(t, &got, given(c.process, vars{c.file: c.dotenv}))
			require.NoError(t, err)
			assert.Equal(t, c.want, got.Name)
		})
	}
}

func TestFilesMustBeSmall(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	require.NoError(t, os.Mkdir(path("folder"), 0o700))
	require.NoError(t, os.WriteFile(path("large"), bytes.Repeat([]byte("x"), 1<<20+1), 0o600))
	require.NoError(t, os.WriteFile(path("binary"), []byte("hunt\x00er2"), 0o600))
	require.NoError(t, os.WriteFile(path("full"), bytes.Repeat([]byte("x"), 1<<20), 0o600))
	for file, want := range map[string]string{
		"folder": "KEY_FILE cannot be read: it is not a regular file or a named pipe",
		"large":  "KEY_FILE cannot be read: it is larger than 1 MiB",
		"none":   "KEY_FILE does not exist",
		"binary": "must not contain a NUL byte",
	} {
		o := given(vars{"KEY_FILE": path(file), "APP_ENVIRONMENT": "staging"}, nil)
		o.ReadFile = nil
		_, err := load(t, &plain{}, o)
		require.ErrorContains(t, err, "\n  KEY: ", file)
		require.ErrorContains(t, err, want, file)
		assert.NotContains(t, err.Error(), "er2", file)
	}
	o := given(vars{"ENV_FILE": path("folder")}, nil)
	o.ReadFile = nil
	assert.Equal(t, []string{"ENV_FILE file"}, problems(t, &plain{}, o))

	var most plain
	o = given(vars{"KEY_FILE": path("full"), "APP_ENVIRONMENT": "staging"}, nil)
	o.ReadFile = nil
	_, err := load(t, &most, o)
	require.NoError(t, err)
	assert.Len(t, most.Key.Reveal(), 1<<20)
}

func TestPlaceholdersInFilesAreRefusedInProduction(t *testing.T) {
	t.Parallel()
	for content, want := range map[string][]string{
		"changeme-changeme-changeme-changeme\n": {"KEY placeholder"}, randomSecret + "\n": nil,
	} {
		got := problems(t, &ruled{}, given(vars{"KEY_FILE": "/f", "APP_ENVIRONMENT": "production"}, vars{"/f": content}))
		assert.Equal(t, want, got)
	}
}

func TestFileTagReadsAValueThatIsNoSecret(t *testing.T) {
	t.Parallel()
	type settings struct {
		Public string `env:"PUBLIC" env-file:"allow"`
		Plain  string `env:"PLAIN"`
	}
	s, p, err := config.Load[settings](t.Context(), given(vars{"PUBLIC_FILE": "/key", "PLAIN_FILE": "/key"}, vars{"/key": "text\n"}))
	require.NoError(t, err)
	assert.Equal(t, settings{Public: "text"}, *s)
	assert.Equal(t, "file /key", source(p, "PUBLIC"))
}

func TestLoadEndsWithItsContextIfTheStoreHangs(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	o := given(vars{"NAME": "n"}, nil)
	o.Secrets = storeFunc(func(ctx context.Context, _ string) (string, bool, error) {
		deadline, _ := ctx.Deadline()
		assert.WithinDuration(t, time.Now().Add(15*time.Second), deadline, 5*time.Second)
		cancel()
		<-ctx.Done()
		return "", false, ctx.Err()
	})
	got, _, err := config.Load[plain](ctx, o)
	require.EqualError(t, err,
		"invalid configuration:\n  KEY: cannot be read from the secret store: context canceled (secret store)")
	assert.True(t, got.Key.IsZero())
}

// APP_ENVIRONMENT is read before the fields, of which it may be one.
func TestProblemOfTheEnvironmentIsReportedOnce(t *testing.T) {
	t.Parallel()
	var c config.Base
	_, err := load(t, &c, given(nil, vars{".env": "APP_ENVIRONMENT=${UNSET}\n"}))
	e, ok := errors.AsType[*config.Error](err)
	require.True(t, ok, "%v", err)
	assert.Len(t, e.Problems, 1)
}

func TestSecretsAreAskedForTogether(t *testing.T) {
	t.Parallel()
	type many struct {
		A config.Secret `env:"A"`
		B config.Secret `env:"B"`
		C config.Secret `env:"C"`
		D config.Secret `env:"D"`
	}
	var meet sync.WaitGroup
	meet.Add(3)
	o := given(vars{"D": "here"}, nil)
	o.Secrets = storeFunc(func(_ context.Context, name string) (string, bool, error) {
		meet.Done()
		meet.Wait() // until all three missing secrets have been requested
		if name == "C" {
			return "", false, errors.Sentinel("password=hunter2 refused")
		}
		return name, name == "A", nil
	})
	m, p, err := config.Load[many](t.Context(), o)
	require.ErrorContains(t, err, "C: cannot be read from the secret store: password=[REDACTED] refused")
	assert.Equal(t, "A", m.A.Reveal())
	assert.Equal(t, "secret store", source(p, "A"))
	assert.True(t, m.B.IsZero())
	assert.Equal(t, "here", m.D.Reveal(), "a set variable is not requested")
}

func TestErrorsOfTheStoreHoldNoValueAndOneLine(t *testing.T) {
	t.Parallel()
	o := given(nil, nil)
	o.Secrets = storeFunc(func(context.Context, string) (string, bool, error) {
		return "hunter2", true, errors.Sentinel("cannot open\n\thunter2 " + strings.Repeat("ä", 1000))
	})
	_, err := load(t, &plain{}, o)
	require.ErrorContains(t, err, "KEY: cannot be read from the secret store: cannot open [REDACTED] ää")
	assert.NotContains(t, err.Error(), "hunter2")
	assert.Less(t, len([]rune(err.Error())), 450)
	assert.Equal(t, 1, strings.Count(err.Error(), "\n"))
}

func TestNulInSecretsOfTheStore(t *testing.T) {
	t.Parallel()
	o := given(nil, nil)
	o.Secrets = store{"KEY": "a\x00b"}
	assert.Equal(t, []string{"KEY type"}, problems(t, &plain{}, o))
}
