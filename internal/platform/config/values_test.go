package config_test

import (
	"maps"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ilyakaznacheev/cleanenv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
)

const randomSecret = "hT4mQ9zL2xVb7KpW0sYd3NfGc8RjE6uA"

type ruled struct {
	Int      int           `env:"INT" env-rule:"range=1..100"`
	Low      int           `env:"LOW" env-rule:"range=-5.."`
	High     float64       `env:"HIGH" env-rule:"range=-1..0.5"`
	Uint     *uint         `env:"UINT" env-rule:"range=1..2"`
	Duration time.Duration `env:"DURATION" env-rule:"range=1s..5m"`
	Size     config.Bytes  `env:"SIZE" env-rule:"range=1KiB..1MiB"`
	Level    string        `env:"LEVEL" env-rule:"oneof=debug info RS256"`
	Chain    []string      `env:"CHAIN" env-rule:"oneof=claude openai"`
	Addr     string        `env:"ADDR" env-default:":80" env-empty:"allow"`
	Key      config.Secret `env:"KEY"`
}

func TestRules(t *testing.T) {
	t.Parallel()
	for name, values := range map[string]struct{ good, bad []string }{
		"INT":      {[]string{"1", "100"}, []string{"0", "101", "-1"}},
		"LOW":      {[]string{"-5", "9999"}, []string{"-6"}},
		"HIGH":     {[]string{"0.5", "-1"}, []string{"0.51"}},
		"UINT":     {[]string{"1", "2"}, []string{"0", "3"}},
		"DURATION": {[]string{"1", "1s", "300", "5m"}, []string{"999ms", "301"}},
		"SIZE":     {[]string{"1024", "1MiB"}, []string{"1023", "2MiB", "0"}},
		"LEVEL":    {[]string{"debug", " Info ", "rs256"}, []string{"trace", "debug info"}},
		"CHAIN":    {[]string{"claude", "OpenAI, claude", ","}, []string{"claude,ollama"}},
	} {
		for _, good := range values.good {
			assert.Empty(t, problems(t, &ruled{}, given(vars{name: good}, nil)), "%s=%s", name, good)
		}
		for _, bad := range values.bad {
			assert.Len(t, problems(t, &ruled{}, given(vars{name: bad}, nil)), 1, "%s=%s", name, bad)
		}
	}
}

func TestRuleMessages(t *testing.T) {
	t.Parallel()
	_, err := load(t, &ruled{}, given(vars{
		"INT": "0", "LOW": "-6", "HIGH": "1", "DURATION": "0", "LEVEL": "x", "CHAIN": "openai,x",
	}, nil))
	require.EqualError(t, err, `invalid configuration:
  INT: must be between 1 and 100 (environment)
  LOW: must be at least -5 (environment)
  HIGH: must be between -1 and 0.5 (environment)
  DURATION: must be between 1s and 5m (environment)
  LEVEL: must be one of debug, info, RS256 (environment)
  CHAIN: must be a list of claude, openai (environment)`)
}

func TestOneOfTakesTheSpellingOfTheTag(t *testing.T) {
	t.Parallel()
	var c ruled
	_, err := load(t, &c, given(vars{"LEVEL": "rs256", "CHAIN": "OPENAI , Claude"}, nil))
	require.NoError(t, err)
	assert.Equal(t, "RS256", c.Level)
	assert.Equal(t, []string{"openai", "claude"}, c.Chain)
}

func TestEmptyAllowed(t *testing.T) {
	t.Parallel()
	var c ruled
	provenance, err := load(t, &c, given(vars{"ADDR": ""}, nil))
	require.NoError(t, err)
	assert.Empty(t, c.Addr)
	assert.Equal(t, config.SourceEnvironment, source(provenance, "ADDR"))
	_, err = load(t, &c, given(nil, nil))
	require.NoError(t, err)
	assert.Equal(t, ":80", c.Addr)
}

func TestWeakSecretsAreRefusedInProduction(t *testing.T) {
	t.Parallel()
	type secrets struct {
		config.Base
		Key config.Secret `env:"KEY" env-default:"changeme"`
		URL config.Secret `env:"URL"`
	}
	for _, tt := range []struct {
		values vars
		want   []string
	}{
		{vars{}, []string{"KEY placeholder"}}, // the default
		{vars{"KEY": "your-key-here", "URL": "postgres://u:changeme@h/d"}, []string{"KEY placeholder", "URL placeholder"}},
		{vars{"KEY": randomSecret, "URL": "postgres://h/d?password=secret"}, []string{"URL placeholder"}},
		{vars{"KEY": randomSecret, "URL": "host=h password='secret' dbname=d"}, []string{"URL placeholder"}},
		{vars{"KEY": randomSecret, "URL": "postgres://u:k9mQ2vXt7@h/test"}, nil},
		{vars{"KEY": randomSecret[:15], "URL": "postgres://u:k9mQ2vXt7@h/test"}, []string{"KEY weak"}},
		{vars{"KEY": randomSecret[:16]}, nil},
		{vars{"KEY": strings.Repeat("abcde", 10)}, []string{"KEY weak"}},
		{vars{"KEY": randomSecret, "URL": "no URL"}, nil},
		{vars{"KEY": "-----BEGIN PRIVATE KEY-----\ntest\n-----END PRIVATE KEY-----", "URL": "postgres://u@h/d"}, nil},
	} {
		assert.Empty(t, problems(t, &secrets{}, given(tt.values, nil)), "in development")
		production := vars{"APP_ENVIRONMENT": "production"}
		maps.Copy(production, tt.values)
		assert.Equal(t, tt.want, problems(t, &secrets{}, given(production, nil)))
	}
}

type everything struct {
	Text     string         `env:"TEXT"`
	Bool     bool           `env:"BOOL"`
	Int      int            `env:"INT"`
	Int8     int8           `env:"INT8"`
	Uint     uint16         `env:"UINT"`
	Wide     uint64         `env:"WIDE"`
	Float32  float32        `env:"FLOAT32"`
	Off      bool           `env:"OFF"`
	Float    float64        `env:"FLOAT"`
	Duration time.Duration  `env:"DURATION"`
	Size     config.Bytes   `env:"SIZE"`
	Texts    []string       `env:"TEXTS"`
	Pointer  *int           `env:"POINTER"`
	Secret   config.Secret  `env:"SECRET"`
	Hidden   *config.Secret `env:"HIDDEN"`
}

func TestEveryType(t *testing.T) {
	t.Parallel()
	var c everything
	_, err := load(t, &c, given(vars{
		"TEXT": " as it is, 1 ", "BOOL": "Yes", "OFF": "No", "INT": " 010 ", "INT8": "-128", "UINT": "+7", "WIDE": "18446744073709551615",
		"FLOAT": "1.5", "DURATION": "90", "SIZE": "1MiB", "TEXTS": " a, ,b ,",
		"POINTER": "3", "SECRET": "s", "HIDDEN": "h",
	}, nil))
	require.NoError(t, err)

	three, hidden := 3, config.Secret("h")
	assert.Equal(t, everything{
		Text: " as it is, 1 ", Bool: true, Int: 10, Int8: -128, Uint: 7, Wide: 1<<64 - 1, Float: 1.5, Duration: 90 * time.Second,
		Size: 1 << 20, Texts: []string{"a", "b"},
		Pointer: &three, Secret: "s", Hidden: &hidden,
	}, c)
}

func TestUnsetLeavesPointersNil(t *testing.T) {
	t.Parallel()
	var c everything
	_, err := load(t, &c, given(nil, nil))
	require.NoError(t, err)
	assert.Equal(t, everything{}, c)
}

// The message says what would be valid and does not contain the value.
func TestRefusedValues(t *testing.T) {
	t.Parallel()
	const canary = "hunter2"
	for name, message := range map[string]string{
		"BOOL": "true or false", "INT": "a whole number (", "INT8": "a whole number (", "UINT": "between 0 and 65535",
		"WIDE": "between 0 and 18446744073709551615", "FLOAT": "a number", "DURATION": "a duration such as 30s", "SIZE": "a size such as",
		"POINTER": "a whole number",
	} {
		var c everything
		_, err := load(t, &c, given(vars{name: canary}, nil))
		require.ErrorContains(t, err, "\n  "+name+": must be ")
		require.ErrorContains(t, err, message)
		require.ErrorContains(t, err, "(environment)")
		assert.NotContains(t, err.Error(), canary)
	}
}

func TestRefusedNumbers(t *testing.T) {
	t.Parallel()
	for name, values := range map[string][]string{
		"INT":      {"0x10", "0b1", "0o7", "1_000", "1e3", "1.0", "-", "+", "--1", "9223372036854775808", "٣"},
		"INT8":     {"128", "-129"},
		"UINT":     {"-1", "65536"},
		"FLOAT":    {"NaN", "inf", "1e999", "1,5"},
		"BOOL":     {"2", "y", "enabled"},
		"DURATION": {"1d", "NaN", "s", "1h30"},
		"TEXT":     {"a\x00b"},
	} {
		for _, value := range values {
			assert.Equal(t, []string{name + " type"}, problems(t, &everything{}, given(vars{name: value}, nil)), value)
		}
	}
	assert.Empty(t, problems(t, &everything{}, given(vars{"INT": "-0010", "DURATION": "-5"}, nil)))
}

// FuzzList checks that the items of a list are trimmed, not empty, and in the order of the text.
func FuzzList(f *testing.F) {
	for _, seed := range []string{"a,b", " a , ,b,", ",", "", "a\tb", "ä, ö"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "\x00") {
			return
		}
		var c struct {
			Items []string `env:"ITEMS"`
		}
		_, err := load(t, &c, given(vars{"ITEMS": text}, nil))
		require.NoError(t, err)
		rest := text
		for _, item := range c.Items {
			require.NotEmpty(t, item)
			require.Equal(t, strings.TrimSpace(item), item)
			_, after, found := strings.Cut(rest, item)
			require.True(t, found)
			rest = after
		}
	})
}

// FuzzValue reads one text as a value of every type, with and without rules. Nothing may panic,
// each problem belongs to a known variable, and no error contains the value: a word that no message
// has is planted in it.
func FuzzValue(f *testing.F) {
	for _, seed := range []string{
		"", " ", "1", "-0010", "+7", "0x10", "1e999", "NaN", "true", "YES", "30s", "1h30", "1.5MiB", "2026-01-02T03:04:05Z", "Europe/Berlin", "../../etc/passwd",
		"https://u:p@h:1/%zz", "a,b", "a:1,b:2", "a:,:b", "10.0.0.0/8", "[::1]:80", "\x00", "\xff", "${X}", "production",
	} {
		f.Add(seed, false)
		f.Add(seed, true)
	}
	type both struct {
		everything
		Rules struct {
			Ratio float64  `env:"RATIO" env-rule:"range=-1..0.5"`
			Level string   `env:"LEVEL" env-rule:"oneof=debug info"`
			Chain []string `env:"CHAIN" env-rule:"oneof=a b"`
		}
		Base config.Base
	}
	variables, err := config.Describe[both]()
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, text string, plant bool) {
		const canary = "hunter2"
		if plant {
			text = text[:len(text)/2] + canary + text[len(text)/2:]
		}
		process, known := vars{}, map[string]bool{}
		for _, v := range variables {
			process[v.Name], known[v.Name] = text, true
		}
		c, p, err := config.Load[both](t.Context(), given(process, nil))
		require.NotNil(t, p)
		if err == nil {
			return
		}
		e := new(config.Error)
		require.ErrorAs(t, err, &e)
		for _, problem := range e.Problems {
			require.True(t, known[problem.Variable], problem.Variable)
		}
		if plant {
			require.NotContains(t, err.Error(), canary)
		}
		if strings.Contains(text, "\x00") {
			require.True(t, reflect.DeepEqual(c.Secret, config.Secret("")), "a NUL is refused")
		}
	})
}

// The TestFault tests are about limits of cleanenv, one each. Each first shows the limit: when a
// version of cleanenv lifts it, the test fails, and the code of [readWithCleanenv] that works
// around it may go.

func TestFaultStopsAtTheFirstError(t *testing.T) {
	type two struct {
		A int `env:"FAULT_A"`
		B int `env:"FAULT_B"`
	}
	t.Setenv("FAULT_A", "x")
	t.Setenv("FAULT_B", "x")
	require.NotContains(t, cleanenv.ReadEnv(&two{}).Error(), "FAULT_B")
	assert.Equal(t, []string{"FAULT_A type", "FAULT_B type"}, problems(t, &two{}, config.Options{}))
}

func TestFaultErrorsHoldTheValue(t *testing.T) {
	type one struct {
		Port int `env:"FAULT_PORT"`
	}
	t.Setenv("FAULT_PORT", "hunter2")
	require.ErrorContains(t, cleanenv.ReadEnv(&one{}), "hunter2")
	_, err := load(t, &one{}, config.Options{})
	require.EqualError(t, err, "invalid configuration:\n  FAULT_PORT: must be a whole number (environment)")
}

func TestFaultRequired(t *testing.T) {
	require.EqualError(t, cleanenv.ReadEnv(&struct {
		Host string `env:"FAULT_HOST" env-required:"false"`
	}{}), `field "Host" is required but the value is not provided`)
	_, _, err := config.Load[struct {
		Host string `env:"FAULT_HOST" env-required:"false"`
	}](t.Context(), config.Options{})
	require.ErrorContains(t, err, "tag env-required is not supported")
}

func TestFaultEmptyCountsAsSet(t *testing.T) {
	type one struct {
		Host string `env:"FAULT_HOST" env-default:"localhost"`
	}
	t.Setenv("FAULT_HOST", "")
	var theirs, ours one
	require.NoError(t, cleanenv.ReadEnv(&theirs))
	require.Empty(t, theirs.Host)
	_, err := load(t, &ours, config.Options{})
	require.NoError(t, err)
	assert.Equal(t, "localhost", ours.Host)
}

func TestFaultFalseIsOverwrittenByTheDefault(t *testing.T) {
	type one struct {
		On bool          `env:"FAULT_ON" yaml:"on" env-default:"true"`
		D  time.Duration `env:"FAULT_D" env-default:"1s"`
	}
	file := t.TempDir() + "/c.yaml"
	require.NoError(t, os.WriteFile(file, []byte("on: false"), 0o600))
	var theirs, ours one
	require.NoError(t, cleanenv.ReadConfig(file, &theirs))
	require.True(t, theirs.On)
	_, err := load(t, &ours, given(nil, vars{".env": "FAULT_ON=false\nFAULT_D=0"}))
	require.NoError(t, err)
	assert.Equal(t, one{}, ours)
}

func TestFaultPointers(t *testing.T) {
	type one struct {
		Host *string `env:"FAULT_HOST"`
	}
	t.Setenv("FAULT_HOST", "h")
	require.ErrorContains(t, cleanenv.ReadEnv(&one{}), "unsupported type")
	var ours one
	_, err := load(t, &ours, config.Options{})
	require.NoError(t, err)
	assert.Equal(t, "h", *ours.Host)
}

func TestFaultListItems(t *testing.T) {
	type one struct {
		Hosts []string `env:"FAULT_HOSTS"`
	}
	t.Setenv("FAULT_HOSTS", "a, b,")
	var theirs, ours one
	require.NoError(t, cleanenv.ReadEnv(&theirs))
	require.Equal(t, []string{"a", " b", ""}, theirs.Hosts)
	_, err := load(t, &ours, config.Options{})
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "b"}, ours.Hosts)
}

func TestFaultOctal(t *testing.T) {
	type one struct {
		Port int `env:"FAULT_PORT"`
	}
	t.Setenv("FAULT_PORT", "010")
	var theirs, ours one
	require.NoError(t, cleanenv.ReadEnv(&theirs))
	require.Equal(t, 8, theirs.Port)
	_, err := load(t, &ours, config.Options{})
	require.NoError(t, err)
	assert.Equal(t, 10, ours.Port)
}

func TestFaultDotenvOverridesTheEnvironment(t *testing.T) {
	type one struct {
		Host string `env:"FAULT_HOST"`
	}
	file := t.TempDir() + "/.env"
	require.NoError(t, os.WriteFile(file, []byte("FAULT_HOST=file\nFAULT_LEAK=1"), 0o600))
	t.Setenv("FAULT_HOST", "environment")
	t.Setenv("FAULT_LEAK", "")

	t.Setenv("ENV_FILE", file)
	var ours one
	_, err := load(t, &ours, config.Options{})
	require.NoError(t, err)
	assert.Equal(t, "environment", ours.Host)
	assert.Empty(t, os.Getenv("FAULT_LEAK"))

	var theirs one
	require.NoError(t, cleanenv.ReadConfig(file, &theirs))
	require.Equal(t, "file", theirs.Host)
	require.Equal(t, "1", os.Getenv("FAULT_LEAK"))
}
