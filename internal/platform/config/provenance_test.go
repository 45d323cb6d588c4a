package config_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
)

type shown struct {
	Text     string         `env:"TEXT" env-default:"t"`
	Flag     bool           `env:"FLAG"`
	Wait     time.Duration  `env:"WAIT" env-default:"90"`
	Size     config.Bytes   `env:"SIZE" env-default:"1048576"`
	Items    []string       `env:"ITEMS" env-separator:";"`
	Networks []netip.Prefix `env:"NETWORKS" env-default:"10.0.0.0/8, ::/0"`
	Site     url.URL        `env:"SITE"`
	Link     *url.URL       `env:"LINK"`
	Zone     *time.Location `env:"ZONE"`
	Number   *int           `env:"NUMBER"`
	Map      map[string]int `env:"MAP" env-default:"b:2,a:1"`
	Raw      []byte         `env:"RAW"`
	When     *time.Time     `env:"WHEN"`
	Key      config.Secret  `env:"KEY" env-default:"secret default"`
	Other    *config.Secret `env:"OTHER"`
	None     config.Secret  `env:"NONE"`
	Derived  string         `env:"DERIVED"`
}

func (s *shown) Validate(*config.Problems) { s.Derived = "from " + s.Text }

func TestProvenance(t *testing.T) {
	t.Parallel()
	var c shown
	provenance, err := config.LoadInto(t.Context(), &c, given(vars{
		"ITEMS": "a ; b", "SITE": "https://h/p", "NUMBER": "7", "RAW": "raw", "OTHER": "canary", "ZONE": "UTC",
	}, nil))
	require.NoError(t, err)
	var lines []string
	for s := range provenance.All() {
		lines = append(lines, fmt.Sprintf("%s=%s (%s)", s.Variable, s.Value, s.Source))
	}
	assert.Equal(t, []string{
		"TEXT=t (default)", "FLAG=false (unset)", "WAIT=1m30s (default)", "SIZE=1MiB (default)", "ITEMS=a;b (environment)",
		"NETWORKS=10.0.0.0/8,::/0 (default)", "SITE=https://h/p (environment)", "LINK= (unset)", "ZONE=UTC (environment)",
		"NUMBER=7 (environment)", "MAP=a:1,b:2 (default)", "RAW=raw (environment)", "WHEN= (unset)", "KEY=[REDACTED] (default)",
		"OTHER=[REDACTED] (environment)", "NONE= (unset)", "DERIVED=from t (derived)",
	}, lines)
	assert.Empty(t, provenance.Source("NO_SUCH"))
}

func TestProvenanceOfARefusedConfiguration(t *testing.T) {
	t.Parallel()
	provenance, err := config.LoadInto(t.Context(), &shown{}, given(vars{"WAIT": "canary", "KEY": "canary"}, nil))
	require.Error(t, err)
	assert.Equal(t, config.SourceEnvironment, provenance.Source("WAIT"))
	settings := slices.Collect(provenance.All())
	assert.Equal(t, config.Setting{Variable: "WAIT", Source: config.SourceEnvironment}, settings[2], "not the default: it is not in effect")
	text, err := json.Marshal(settings)
	require.NoError(t, err)
	assert.NotContains(t, string(text), "canary")
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	t.Parallel()
	var c struct {
		shown
		Nested struct {
			Key config.Secret `env:"NESTED_KEY"`
		}
	}
	_, err := config.LoadInto(t.Context(), &c, given(vars{"KEY": "canary", "OTHER": "canary", "NESTED_KEY": "canary"}, nil))
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
		Key   *config.Secret `env:"KEY" env-default:"x" env-rule:"required"`
		Inner *struct {
			Items []time.Duration `env:"ITEMS"`
		} `env-prefix:"IN_"`
	}
	want := []config.Variable{
		{Name: "SIZE", Type: "a whole number", Default: "20", Description: "connections", Rule: "range=1..100"},
		{Name: "KEY", Type: "text", Rule: "required", Required: true, Secret: true, File: true},
		{Name: "IN_ITEMS", Type: "a list, each item a duration such as 30s, or a number of seconds"},
	}
	var dst described
	for _, v := range []any{&dst, dst, (*described)(nil)} {
		got, err := config.Describe(v)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	assert.Nil(t, dst.Inner)
	_, err := config.Describe(nil)
	require.Error(t, err)
}
