package config_test

import (
	"maps"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
)

const randomSecret = "hT4mQ9zL2xVb7KpW0sYd3NfGc8RjE6uA"

type ruled struct {
	Int      int           `env:"INT" env-rule:"range=1..100"`
	Low      int           `env:"LOW" env-rule:"range=-5.."`
	High     float64       `env:"HIGH" env-rule:"range=..0.5"`
	Uint     *uint         `env:"UINT" env-rule:"range=1..2"`
	Duration time.Duration `env:"DURATION" env-rule:"range=1s..5m"`
	Size     config.Bytes  `env:"SIZE" env-rule:"range=1KiB..1MiB"`
	Level    string        `env:"LEVEL" env-rule:"oneof=debug info RS256"`
	Chain    []string      `env:"CHAIN" env-rule:"oneof=claude openai"`
	Site     string        `env:"SITE" env-rule:"url"`
	Sites    []string      `env:"SITES" env-rule:"url=https wss"`
	Parsed   url.URL       `env:"PARSED" env-rule:"url"`
	Addr     string        `env:"ADDR" env-default:":80" env-rule:"addr" env-empty:"allow"`
	Name     string        `env:"NAME" env-rule:"minlen=3, oneof=abc de"`
	Key      config.Secret `env:"KEY" env-rule:"strong"`
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
		"SITE": {[]string{"http://h", "postgres://u:p@h/db"}, []string{
			"h", "/p", "http://", "//h", "http://h:x", "mailto:a@b", "http://h/%zz",
		}},
		"SITES":  {[]string{"https://a,wss://b"}, []string{"https://a,http://b"}},
		"PARSED": {[]string{"http://h"}, []string{"h", "http://h:x"}},
		"ADDR":   {[]string{":8080", "h:1", "[::1]:65535", ":0"}, []string{"8080", "h", "h:", ":http", ":65536", "::1:80"}},
		"NAME":   {[]string{"abc"}, []string{"xyz"}},
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
	_, err := config.LoadInto(t.Context(), &ruled{}, given(vars{
		"INT": "0", "LOW": "-6", "HIGH": "1", "DURATION": "0", "LEVEL": "x", "SITE": "x", "SITES": "x", "ADDR": "x", "NAME": "x",
	}, nil))
	require.EqualError(t, err, `the configuration is not valid:
  INT: must be in 1..100 (environment)
  LOW: must be at least -5 (environment)
  HIGH: must be at most 0.5 (environment)
  DURATION: must be in 1s..5m (environment)
  LEVEL: must be one of debug, info, RS256 (environment)
  SITE: must be a URL with scheme and host (environment)
  SITES: must be a URL that begins with https:// or wss:// (environment)
  ADDR: must be host:port, the host may be empty (environment)
  NAME: must be at least 3 characters long (environment)
  NAME: must be one of abc, de (environment)`)
}

func TestOneOfTakesTheSpellingOfTheTag(t *testing.T) {
	t.Parallel()
	var c ruled
	_, err := config.LoadInto(t.Context(), &c, given(vars{"LEVEL": "rs256", "CHAIN": "OPENAI , Claude"}, nil))
	require.NoError(t, err)
	assert.Equal(t, "RS256", c.Level)
	assert.Equal(t, []string{"openai", "claude"}, c.Chain)
}

func TestEmptyAllowed(t *testing.T) {
	t.Parallel()
	var c ruled
	provenance, err := config.LoadInto(t.Context(), &c, given(vars{"ADDR": ""}, nil))
	require.NoError(t, err)
	assert.Empty(t, c.Addr)
	assert.Equal(t, config.SourceEnvironment, provenance.Source("ADDR"))
	_, err = config.LoadInto(t.Context(), &c, given(nil, nil))
	require.NoError(t, err)
	assert.Equal(t, ":80", c.Addr)
}

func TestRequired(t *testing.T) {
	t.Parallel()
	type required struct {
		A string   `env:"A" env-rule:"required"`
		B *int     `env:"B" env-rule:"required,range=1..2"`
		C []string `env:"C" env-rule:"required" env-default:"x"`
	}
	assert.Equal(t, []string{"A required", "B required"}, problems(t, &required{}, given(vars{"A": ""}, nil)))
	assert.Empty(t, problems(t, &required{}, given(vars{"A": "a", "B": "1"}, nil)))
}

func TestStrongInProductionOnly(t *testing.T) {
	t.Parallel()
	for _, weak := range []string{
		"short", "changeme-changeme-changeme-changeme", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "0101010101010101010101010101010101",
	} {
		assert.Empty(t, problems(t, &ruled{}, given(vars{"KEY": weak}, nil)))
		assert.Equal(t, []string{"KEY strong"}, problems(t, &ruled{}, given(vars{"KEY": weak, "APP_ENVIRONMENT": "PRODUCTION"}, nil)))
	}
	for _, good := range []string{randomSecret, "9f86d081884c7d659a2feaa0c55ad015"} {
		assert.Empty(t, problems(t, &ruled{}, given(vars{"KEY": good, "APP_ENVIRONMENT": "production"}, nil)))
	}
}

func TestNoPlaceholdersInProduction(t *testing.T) {
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
		{vars{}, []string{"KEY placeholder"}}, // a default too
		{vars{"KEY": "your-key-here", "URL": "postgres://u:changeme@h/d"}, []string{"KEY placeholder", "URL placeholder"}},
		{vars{"KEY": randomSecret, "URL": "postgres://h/d?password=secret"}, []string{"URL placeholder"}},
		{vars{"KEY": randomSecret, "URL": "host=h password='secret' dbname=d"}, []string{"URL placeholder"}},
		{vars{"KEY": randomSecret, "URL": "postgres://u:k9mQ2vXt7@h/test"}, nil},
		{vars{"KEY": "-----BEGIN PRIVATE KEY-----\ntest\n-----END PRIVATE KEY-----", "URL": "postgres://u@h/d"}, nil},
	} {
		assert.Empty(t, problems(t, &secrets{}, given(tt.values, nil)), "in development")
		production := vars{"APP_ENVIRONMENT": "production"}
		maps.Copy(production, tt.values)
		assert.Equal(t, tt.want, problems(t, &secrets{}, given(production, nil)))
	}
}
