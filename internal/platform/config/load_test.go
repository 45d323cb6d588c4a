package config_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// all is a configuration of several sections.
type all struct {
	Rules   ruled
	Types   typed
	Section section
}

type typed struct {
	Number int           `env:"T_NUMBER"`
	Port   int           `env:"T_PORT"`
	Secret config.Secret `env:"T_SECRET"`
}

func TestLoadReportsAllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	o := given(vars{
		"APP_ENVIRONMENT": "production", "APP_DEBUG": "true", "LOG_LEVEL": "canary", "LOG_FORMAT": "canary",
		"INT": "0", "LOW": "-9", "HIGH": "canary", "UINT": "-1", "DURATION": "1h", "SIZE": "canary", "LEVEL": "canary", "CHAIN": "canary,claude",
		"KEY":      "canary-changeme",
		"T_NUMBER": "canary", "T_PORT": "1,canary", "T_SECRET_FILE": "/canary",
		"LEAST": "canary", "MOST": "1s", "ENV_FILE": "/bad.env",
	}, vars{"/bad.env": "=canary\nX=\"canary\nY: canary"})
	assert.Equal(t, []string{
		"ENV_FILE name", "ENV_FILE quote", "ENV_FILE delimiter", "ELSEWHERE unknown",
		"INT range", "LOW range", "HIGH type", "UINT type", "DURATION range", "SIZE type", "LEVEL oneof", "CHAIN oneof", "KEY placeholder", "T_NUMBER type", "T_PORT type", "T_SECRET file",
		"APP_DEBUG production", "LOG_LEVEL oneof", "LOG_FORMAT oneof", "LEAST type", "MOST never", "UNASKED required",
	}, problems(t, &all{}, o))

	_, err := load(t, &all{}, o)
	assert.NotContains(t, err.Error(), "canary")
	assert.Len(t, strings.Split(err.Error(), "\n"), 23, "a heading and a line for each")
}

func TestErrorsNeverHoldAValue(t *testing.T) {
	t.Parallel()
	names := []string{"INT", "LOW", "HIGH", "UINT", "DURATION", "SIZE", "LEVEL", "CHAIN", "ADDR", "KEY",
		"APP_ENVIRONMENT", "LOG_LEVEL", "T_NUMBER", "T_PORT", "T_SECRET", "LEAST", "MOST"}
	rapid.Check(t, func(t *rapid.T) {
		const canary = "#hunter2#"
		process := vars{}
		var file strings.Builder
		for _, name := range names {
			value := rapid.StringOf(rapid.SampledFrom([]rune("0a:/%,=-. \"'\\${}<\n\x00é"))).Draw(t, name)
			at := rapid.IntRange(0, len([]rune(value))).Draw(t, "at")
			value = string([]rune(value)[:at]) + canary + string([]rune(value)[at:])
			switch rapid.IntRange(0, 3).Draw(t, "where") {
			case 0:
				process[name] = value
			case 1:
				process[name+"_FILE"] = value
			case 2:
				file.WriteString(name + "=" + value + "\n")
			}
		}
		_, err := load(t, &all{}, given(process, vars{".env": file.String()}))
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Fatalf("the error holds a value: %v", err)
		}
	})
}

func TestConcurrentLoads(t *testing.T) {
	t.Parallel()
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			want := strings.Repeat("x", i+1)
			var c struct {
				Text string `env:"TEXT"`
			}
			_, err := load(t, &c, given(vars{"TEXT": want}, nil))
			assert.NoError(t, err)
			assert.Equal(t, want, c.Text)
		})
	}
	wg.Wait()
}

func TestEvents(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	core, err := logging.NewCore(logging.Options{App: "notes", Environment: "staging", Level: "info", Format: "json", Output: &out})
	require.NoError(t, err)
	log := logging.New(core, "config")

	_, failure := load(t, &section{}, given(vars{"LEAST": "canary"}, nil))
	config.LogFailed(context.Background(), log, failure)
	config.LogFailed(context.Background(), log, errors.Sentinel("another error"))

	var events []map[string]any
	for decoder := json.NewDecoder(&out); decoder.More(); {
		var event map[string]any
		require.NoError(t, decoder.Decode(&event))
		events = append(events, event)
	}
	require.Len(t, events, 2)
	assert.Equal(t, "config_validation_failed", events[0]["event"])
	assert.Equal(t, "error", events[0]["level"])
	assert.Equal(t, []any{"ELSEWHERE", "LEAST", "MOST"}, events[0]["fields"])
	assert.Contains(t, events[0]["error"], "LEAST: must be a duration")
	assert.Equal(t, []any{}, events[1]["fields"])
}

func TestZeroOptionsReadTheProcessEnvironmentAndDotenv(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, ".env"), []byte("NAME=d\nKEY=${PART}2\n"), 0o600))
	t.Setenv("PART", "1")
	t.Setenv("ENV_FILE", "")
	t.Setenv("APP_ENVIRONMENT", "")
	var got plain
	provenance, err := load(t, &got, config.Options{Dir: dir})
	require.NoError(t, err)
	assert.Equal(t, plain{"d", "12"}, got)
	assert.Equal(t, filepath.Join(dir, ".env")+" line 2", source(provenance, "KEY"))
	_, leaked := os.LookupEnv("NAME")
	assert.False(t, leaked, "a dotenv file does not change the process environment")
}

func TestLoadDoesNotChangeTheProcessEnvironment(t *testing.T) {
	before := os.Environ()
	_, err := load(t, &everything{}, given(vars{"INT": "1", "BOOL": "nonsense"}, vars{".env": "INT=2\nFROM_DOTENV=1"}))
	require.Error(t, err)
	assert.Equal(t, before, os.Environ())
}

func TestBaseDefaults(t *testing.T) {
	t.Parallel()
	var b config.Base
	_, err := load(t, &b, given(nil, nil))
	require.NoError(t, err)
	assert.NotEmpty(t, b.AppName, "each project sets a default of its own")
	assert.Equal(t, config.Base{AppName: b.AppName, Environment: config.Development, LogLevel: "info", LogLine: 16_000}, b)
}

func TestBaseTakesAnyCase(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]config.Environment{
		"Development": config.Development, "STAGING": config.Staging, " production ": config.Production, "tesTing": config.Testing,
	} {
		var b config.Base
		_, err := load(t, &b, given(vars{"APP_ENVIRONMENT": name, "LOG_LEVEL": "WARNING", "LOG_FORMAT": "Console"}, nil))
		require.NoError(t, err)
		assert.Equal(t, want, b.Environment)
		assert.Equal(t, want == config.Development, b.IsDevelopment())
		assert.Equal(t, want == config.Production, b.IsProduction())
		assert.Equal(t, "warning", b.LogLevel)
		assert.Equal(t, "console", b.LogFormat)
	}
}

func TestBaseRefuses(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []string{"APP_ENVIRONMENT oneof", "APP_DEBUG type", "LOG_LEVEL oneof", "LOG_FORMAT oneof"},
		problems(t, &config.Base{}, given(vars{"APP_ENVIRONMENT": "prod", "APP_DEBUG": "maybe", "LOG_LEVEL": "trace", "LOG_FORMAT": "xml"}, nil)))
	assert.Equal(t, []string{"APP_DEBUG production"},
		problems(t, &config.Base{}, given(vars{"APP_ENVIRONMENT": "PRODUCTION", "APP_DEBUG": "true"}, nil)))
}

var calls []string // of Validate; only for TestValidatorsRunInnerFirst

type inner struct {
	A int `env:"A" env-default:"5"`
}

func (*inner) Validate(func(variable, rule, message string)) { calls = append(calls, "inner") }

type middle struct{ Inner inner }

func (*middle) Validate(func(variable, rule, message string)) { calls = append(calls, "middle") }

type outer struct {
	Middle middle
	B      int `env:"B"`
}

func (*outer) Validate(func(variable, rule, message string)) { calls = append(calls, "outer") }

func TestValidatorsRunInnerFirst(t *testing.T) {
	calls = nil
	var c outer
	_, err := load(t, &c, given(vars{"A": "4", "B": "4"}, nil))
	require.NoError(t, err)
	assert.Equal(t, []string{"inner", "middle", "outer"}, calls)
}

type section struct {
	config.Base
	Least   time.Duration `env:"LEAST" env-default:"1m"`
	Most    time.Duration `env:"MOST" env-default:"1h"`
	Unasked string        `env:"UNASKED"`
}

func (s *section) Validate(report func(variable, rule, message string)) {
	if s.Least > 10*time.Minute {
		report("LEAST", "range", "must be at most 10m")
	}
	if s.Most < s.Least {
		report("MOST", "order", "must not be less than LEAST")
	}
	if s.IsProduction() && s.Unasked == "" {
		report("UNASKED", "required", "is required in production")
	}
	report("MOST", "never", "is never right")
	report("MOST", "never", "is never right")
	report("ELSEWHERE", "unknown", "is of no field")
}

func TestProblemsOfValidators(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		process vars
		want    []string
	}{
		"duplicates":                          {vars{"LEAST": "2h"}, []string{"ELSEWHERE unknown", "LEAST range", "MOST order", "MOST never"}},
		"comparison with an invalid variable": {vars{"LEAST": "x", "MOST": "1s"}, []string{"ELSEWHERE unknown", "LEAST type", "MOST never"}},
		"all invalid":                         {vars{"LEAST": "x", "MOST": "x"}, []string{"ELSEWHERE unknown", "LEAST type", "MOST type"}},
		"in production":                       {vars{"APP_ENVIRONMENT": "production"}, []string{"ELSEWHERE unknown", "MOST never", "UNASKED required"}},
		"invalid environment":                 {vars{"APP_ENVIRONMENT": "prod"}, []string{"ELSEWHERE unknown", "APP_ENVIRONMENT oneof", "MOST never"}},
		"debug, in production": {vars{"APP_ENVIRONMENT": "Production", "APP_DEBUG": "1", "UNASKED": "x"}, []string{
			"ELSEWHERE unknown", "APP_DEBUG production", "MOST never",
		}},
	} {
		assert.Equal(t, c.want, problems(t, &section{}, given(c.process, nil)), name)
	}
}

func TestInvalidFieldsHoldTheDefault(t *testing.T) {
	t.Parallel()
	var c section
	_, err := load(t, &c, given(vars{"LEAST": "x", "LOG_LEVEL": "loud"}, nil))
	require.Error(t, err)
	assert.Equal(t, time.Minute, c.Least)
	assert.Equal(t, "info", c.LogLevel)
}
