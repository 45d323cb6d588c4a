package config_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
)

// FuzzValue reads one text as a value of every type, with and without rules. Nothing panics, what is refused is a problem of
// its variable, and no error holds the value: a word that no message has is planted in it.
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
		Rules ruled `env-prefix:"R_"`
		Base  config.Base
	}
	variables, err := config.Describe(both{})
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
		var c both
		p, err := config.LoadInto(t.Context(), &c, given(process, nil))
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
			require.True(t, reflect.DeepEqual(c.Secret, config.Secret("")), "no secret with a NUL")
		}
	})
}
