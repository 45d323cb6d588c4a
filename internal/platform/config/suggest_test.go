package config_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

func TestMisspeltVariables(t *testing.T) {
	t.Parallel()
	type settings struct {
		config.Base

		PoolSize int           `env:"DB_POOL_SIZE" env-default:"20"`
		Timeout  int           `env:"DB_POOL_TIMEOUT" env-default:"20"`
		Key      config.Secret `env:"AUTH_JWT_PRIVATE_KEY"`
		Public   string        `env:"AUTH_JWT_PUBLIC_KEYS" env-file:"allow"`
	}
	o := given(vars{"AUTH_JWT_PRIVATE_KEY_FILE": "/key"}, vars{
		".env": "DB_POL_SIZE=canary\nLOG_LVEEL=canary\nDB_POOL_SIZE=5\nUNRELATED=1\n", "/key": "x",
	})
	o.Environ = func() []string {
		return []string{
			"DB_POOL_SIZ=canary", "DB_POOL_TIMEOUTS=1", "APP_ENVIRONMENT=testing", "AUTH_JWT_PRIVATE_KEY_FILE=/key",
			"AUTH_JWT_PRIVAT_KEY_FILE=/canary", "AUTH_JWT_PUBLIC_KEYS_FILE=", "DB_POOL_SIZE_FILE=x", "DB_HOST=canary", "PATH=/bin",
			"ENV_FILE=", "LOGLEVEL=1", "DB_=", "DB_POOL_SIZ=twice", "=", "APP_NAMES",
		}
	}
	_, p, err := config.Load[settings](t.Context(), o)
	require.NoError(t, err)
	assert.Equal(t, []config.Suggestion{
		{"APP_NAMES", "environment", "APP_NAME"},
		{"AUTH_JWT_PRIVAT_KEY_FILE", "environment", "AUTH_JWT_PRIVATE_KEY_FILE"},
		{"DB_POL_SIZE", ".env line 1", "DB_POOL_SIZE"},
		{"DB_POOL_SIZ", "environment", "DB_POOL_SIZE"},
		{"DB_POOL_TIMEOUTS", "environment", "DB_POOL_TIMEOUT"},
		{"LOG_LVEEL", ".env line 2", "LOG_LEVEL"},
	}, p.Suggestions())

	var out bytes.Buffer
	core, err := logging.NewCore(logging.Options{Output: &out})
	require.NoError(t, err)
	config.LogSuggestions(t.Context(), logging.New(core, "test"), p)
	assert.Contains(t, out.String(), `"event":"config_variable_unknown"`)
	assert.Contains(t, out.String(), `"variable":"LOG_LVEEL","source":".env line 2","did_you_mean":"LOG_LEVEL"`)
	assert.NotContains(t, out.String(), "canary")
}

func TestFilesOfVariablesThatAreNoSecrets(t *testing.T) {
	t.Parallel()
	type settings struct {
		Public string `env:"PUBLIC" env-file:"allow"`
		Plain  string `env:"PLAIN"`
	}
	s, p, err := config.Load[settings](t.Context(), given(vars{"PUBLIC_FILE": "/key", "PLAIN_FILE": "/key"}, vars{"/key": "text\n"}))
	require.NoError(t, err)
	assert.Equal(t, settings{Public: "text"}, *s)
	assert.Equal(t, "file /key", p.Source("PUBLIC"))
	for _, bad := range []any{
		&struct {
			A string `env:"A" env-file:"yes"`
		}{},
		&struct {
			A string `env:"A" env-live:"no"`
		}{},
		&struct {
			A string `env:"A"`
			B string `env:"A" env-live:"true"`
		}{},
	} {
		_, err := config.LoadInto(t.Context(), bad, given(nil, nil))
		assert.Error(t, err)
	}
}

// A dotenv file of nothing but unknown variables takes no time to speak of.
func TestMisspeltVariablesAreBounded(t *testing.T) {
	t.Parallel()
	var file strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&file, "LOG_LEVE%05d=1\nLOG_LEVEL%d=1\n", i, i)
	}
	_, p, err := config.Load[config.Base](t.Context(), given(nil, vars{".env": file.String()}))
	require.NoError(t, err)
	assert.NotEmpty(t, p.Suggestions())
	assert.LessOrEqual(t, len(p.Suggestions()), 1000)
}
