package config_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

type shown struct {
	Text   string         `env:"TEXT" env-default:"t"`
	Flag   bool           `env:"FLAG" env-default:"false"`
	Wait   time.Duration  `env:"WAIT" env-default:"90"`
	Size   config.Bytes   `env:"SIZE" env-default:"1048576"`
	Items  []string       `env:"ITEMS"`
	Ports  []string       `env:"PORTS" env-default:"1, 2"`
	Site   string         `env:"SITE"`
	Number *int           `env:"NUMBER"`
	None   *int           `env:"NONE"`
	Key    config.Secret  `env:"KEY" env-default:"secret default"`
	Other  *config.Secret `env:"OTHER"`
	Unset  config.Secret  `env:"UNSET"`
}

func TestProvenance(t *testing.T) {
	t.Parallel()
	provenance, err := load(t, &shown{}, given(vars{
		"ITEMS": "a , b", "SITE": "https://u:hunter2@h/p", "NUMBER": "7", "OTHER": "canary",
	}, nil))
	require.NoError(t, err)
	var lines []string
	for _, s := range provenance.Settings {
		lines = append(lines, fmt.Sprintf("%s=%s (%s)", s.Variable, s.Value, s.Source))
	}
	assert.Equal(t, []string{
		"TEXT=t (default)", "FLAG=false (default)", "WAIT=1m30s (default)", "SIZE=1MiB (default)", "ITEMS=a,b (environment)",
		"PORTS=1,2 (default)", "SITE=https://u:[REDACTED]@h/p (environment)", "NUMBER=7 (environment)", "NONE= (unset)",
		"KEY=[REDACTED] (default)", "OTHER=[REDACTED] (environment)", "UNSET= (unset)",
	}, lines)
}

func TestProvenanceHasNoInvalidValues(t *testing.T) {
	t.Parallel()
	provenance, err := load(t, &shown{}, given(vars{"WAIT": "canary", "KEY": "canary"}, nil))
	require.Error(t, err)
	assert.Equal(t, config.SourceEnvironment, source(provenance, "WAIT"))
	settings := provenance.Settings
	assert.Equal(t, config.Setting{Variable: "WAIT", Source: config.SourceEnvironment}, settings[2], "not the default, which is not in effect")
	text, err := json.Marshal(settings)
	require.NoError(t, err)
	assert.NotContains(t, string(text), "canary")
}

func TestForgottenSecretsAreHidden(t *testing.T) {
	t.Parallel()
	var c struct {
		Key    string        `env:"FIELD_KEY"`
		Salts  []string      `env:"HASH_SALTS"`
		Pw     *string       `env:"ROOT_PW"`
		Thing  string        `env:"THING"`
		Public string        `env:"JWT_PUBLIC_KEYS"`
		Tokens int           `env:"MAX_TOKENS"`
		TTL    time.Duration `env:"TOKEN_TTL"`
		Verify bool          `env:"VERIFY_TOKEN"`
	}
	provenance, err := load(t, &c, given(vars{
		"FIELD_KEY": "canary", "HASH_SALTS": "canary,canary2", "ROOT_PW": "canary", "THING": "c4n4ry9f86d081884c7d659a",
		"JWT_PUBLIC_KEYS": "-----BEGIN PUBLIC KEY-----MFkwEwYHKoZIzj0CAQ", "MAX_TOKENS": "1024", "TOKEN_TTL": "30s", "VERIFY_TOKEN": "false",
	}, nil))
	require.NoError(t, err)
	for i, s := range provenance.Settings {
		assert.Equal(t, i < 4, s.Value == "[REDACTED]", s.Variable)
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	t.Parallel()
	var c struct {
		shown
		Nested struct {
			Key config.Secret `env:"NESTED_KEY"`
		}
	}
	_, err := load(t, &c, given(vars{"KEY": "canary", "OTHER": "canary", "NESTED_KEY": "canary"}, nil))
	require.NoError(t, err)
	require.Equal(t, "canary", c.Nested.Key.Reveal())
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		assert.NotContains(t, fmt.Sprintf(verb, c), "canary", verb)
		assert.NotContains(t, fmt.Sprintf(verb, &c), "63616e617279", verb)
	}
	text, err := json.Marshal(c)
	require.NoError(t, err)
	assert.NotContains(t, string(text), "canary")
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	type described struct {
		Size  int            `env:"SIZE" env-default:"20" env-rule:"range=1..100" env-description:"connections"`
		Key   *config.Secret `env:"KEY" env-default:"x"`
		Inner struct {
			Items []string `env:"ITEMS" env-rule:"oneof=a b" env-live:"true" env-file:"allow"`
		}
	}
	got, err := config.Describe[described]()
	require.NoError(t, err)
	assert.Equal(t, []config.Variable{
		{Name: "SIZE", Default: "20", Description: "connections", Rule: "between 1 and 100"},
		{Name: "KEY", Secret: true, File: true},
		{Name: "ITEMS", Rule: "a list of a, b", File: true, Live: true},
	}, got)
}

func TestSuggestionsForMisspelledVariables(t *testing.T) {
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
	o.Environ = []string{
		"DB_POOL_SIZ=canary", "DB_POOL_TIMEOUTS=1", "APP_ENVIRONMENT=testing", "AUTH_JWT_PRIVATE_KEY_FILE=/key",
		"AUTH_JWT_PRIVAT_KEY_FILE=/canary", "AUTH_JWT_PUBLIC_KEYS_FILE=", "DB_POOL_SIZE_FILE=x", "DB_HOST=canary", "PATH=/bin",
		"ENV_FILE=", "LOGLEVEL=1", "DB_=", "DB_POOL_SIZ=twice", "=", "APP_NAMES",
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
	}, p.Suggestions)

	var out bytes.Buffer
	core, err := logging.NewCore(logging.Options{Output: &out})
	require.NoError(t, err)
	config.LogSuggestions(t.Context(), logging.New(core, "test"), p.Suggestions)
	assert.Contains(t, out.String(), `"event":"config_variable_unknown"`)
	assert.Contains(t, out.String(), `"variable":"LOG_LVEEL","source":".env line 2","did_you_mean":"LOG_LEVEL"`)
	assert.NotContains(t, out.String(), "canary")
}

// Kubernetes sets these for each service. They look like misspelled variables but nobody wrote them.
func TestServiceLinksOfKubernetesAreNoMisspellings(t *testing.T) {
	t.Parallel()
	type settings struct {
		URL  string `env:"DATABASE_URL"`
		Port string `env:"DATABASE_SERVICE_HOSTS"`
		Pool int    `env:"DATABASE_POOL" env-default:"1"`
	}
	for entry, want := range map[string]int{
		"DATABASE_PORT=tcp://10.0.0.1:5432":          0,
		"DATABASE_PORT=udp://10.0.0.1:53":            0,
		"DATABASE_PORT_5432_TCP=tcp://10.0.0.1:5432": 0,
		"DATABASE_PORT_5432_TCP_ADDR=10.0.0.1":       0,
		"DATABASE_PORT_5432_TCP_PROTO=tcp":           0,
		"DATABASE_SERVICE_HOST=10.0.0.1":             0,
		"DATABASE_SERVICE_PORT=5432":                 0,
		"DATABASE_SERVICE_PORT_HTTP=5432":            0,
		"DATABASE_PORT=5432":                         1,
		"DATABASE_POLL=tcp://10.0.0.1:5432":          1,
		"DATABASE_SERVICE_HOSTSS=x":                  1,
	} {
		o := given(nil, nil)
		o.Environ = []string{entry}
		_, p, err := config.Load[settings](t.Context(), o)
		require.NoError(t, err)
		assert.Len(t, p.Suggestions, want, entry)
	}
}

// defaulting sets values in Validate that no source has.
type defaulting struct {
	Name  string        `env:"NAME" env-default:"n"`
	Title string        `env:"TITLE"`
	On    *bool         `env:"ON"`
	Key   config.Secret `env:"KEY"`
	Items []string      `env:"ITEMS" env-empty:"allow"`
}

func (d *defaulting) Validate(func(variable, rule, message string)) {
	d.Title = cmp.Or(d.Title, d.Name)
	d.Key = cmp.Or(d.Key, "canary")
	if d.On == nil {
		d.On = new(false)
	}
}

func TestProvenanceHasDerivedValues(t *testing.T) {
	t.Parallel()
	provenance, err := load(t, &defaulting{}, given(vars{"ITEMS": ""}, nil))
	require.NoError(t, err)
	assert.Equal(t, []config.Setting{
		{Variable: "NAME", Value: "n", Source: "default"}, {Variable: "TITLE", Value: "n", Source: "default"},
		{Variable: "ON", Value: "false", Source: "default"}, {Variable: "KEY", Value: "[REDACTED]", Source: "default", Secret: true},
		{Variable: "ITEMS", Source: "environment"},
	}, provenance.Settings)
	provenance, err = load(t, &defaulting{}, given(vars{"TITLE": "t", "ON": "true"}, nil))
	require.NoError(t, err)
	assert.Equal(t, config.Setting{Variable: "TITLE", Value: "t", Source: "environment"}, provenance.Settings[1])
	assert.Equal(t, config.Setting{Variable: "ON", Value: "true", Source: "environment"}, provenance.Settings[2])
}

func TestSuggestionsAreBounded(t *testing.T) {
	t.Parallel()
	var file strings.Builder
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	for _, a := range letters {
		for _, b := range letters {
			fmt.Fprintf(&file, "LOG_LEVE%c%c=1\n", a, b)
		}
	}
	_, p, err := config.Load[config.Base](t.Context(), given(nil, vars{".env": file.String()}))
	require.NoError(t, err)
	assert.NotEmpty(t, p.Suggestions)
	assert.LessOrEqual(t, len(p.Suggestions), 1000)
}

func TestLogFailedHasTheSuggestions(t *testing.T) {
	t.Parallel()
	o := given(vars{"LOG_LEVEL": "canary"}, nil)
	o.Environ = []string{"LOG_LEVEK=canary", "APP_NAMES=canary"}
	_, err := load(t, &config.Base{}, o)
	e, ok := errors.AsType[*config.Error](err)
	require.True(t, ok)
	assert.Equal(t, []config.Suggestion{{"APP_NAMES", "environment", "APP_NAME"}, {"LOG_LEVEK", "environment", "LOG_LEVEL"}}, e.Suggestions)

	var out bytes.Buffer
	core, err := logging.NewCore(logging.Options{Output: &out})
	require.NoError(t, err)
	config.LogFailed(t.Context(), logging.New(core, "test"), e)
	assert.Contains(t, out.String(), `"event":"config_validation_failed"`)
	assert.Contains(t, out.String(), `"variable":"LOG_LEVEK","source":"environment","did_you_mean":"LOG_LEVEL"`)
	assert.NotContains(t, out.String(), "canary")
}
