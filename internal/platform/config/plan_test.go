package config_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

type loop struct {
	A    string `env:"A"`
	Next *loop
}

// A mistake in a struct is found before anything is read, and is not an [config.Error]: no operator can mend it.
func TestMistakesInTheStruct(t *testing.T) {
	t.Parallel()
	type one struct {
		A int `env:"A" env-default:"1"`
	}
	type other struct {
		A int `env:"A" env-default:"2"`
	}
	for want, dst := range map[string]any{
		"config: <nil> is not a pointer to a struct": nil,
		"is not a pointer to a struct":               struct{}{},
		"config: *int is not a pointer":              new(int),
		"config: *config_test.one is not a pointer":  (*one)(nil),
		"contains itself":                            &loop{},
		"differs from config_test.one.A": &struct {
			One, Two any
			one
			Other other
		}{},
		"takes exactly one name": &struct {
			A string `env:"A,B"`
		}{},
		`env:"NAME" takes`: &struct {
			A string `env:""`
		}{},
		`write env-rule:"required" instead`: &struct {
			A string `env:"A" env-required:"false"`
		}{},
		"env-separator is empty": &struct {
			A []string `env:"A" env-separator:""`
		}{},
		`env-empty:"allow" is for`: &struct {
			A int `env:"A" env-empty:"allow"`
		}{},
		`env-empty:"allow" is for strings`: &struct {
			A string `env:"A" env-empty:"yes"`
		}{},
		"a func() cannot be read": &struct {
			A func() `env:"A"`
		}{},
		"a struct {} cannot be read": &struct {
			A struct{} `env:"A"`
		}{},
		"a [][]string cannot be read": &struct {
			A [][]string `env:"A"`
		}{},
		"a []logging.Secret cannot be read": &struct {
			A []config.Secret `env:"A"`
		}{},
		"a map[string]logging.Secret cannot be read": &struct {
			A map[string]config.Secret `env:"A"`
		}{},
		"a map[string]chan int cannot be read": &struct {
			A map[string]chan int `env:"A"`
		}{},
		`env-rule "between=1": there is no such rule`: &struct {
			A string `env:"A" env-rule:"between=1"`
		}{},
		`env-rule "minlen=x": minlen=N`: &struct {
			A string `env:"A" env-rule:"minlen=x"`
		}{},
		`env-rule "oneof=": oneof=a b c`: &struct {
			A string `env:"A" env-rule:"oneof="`
		}{},
		`env-rule "addr": the rule does not fit int`: &struct {
			A int `env:"A" env-rule:"addr"`
		}{},
		`env-rule "range=1": range=MIN..MAX`: &struct {
			A int `env:"A" env-rule:"range=1"`
		}{},
		`env-rule "range=..": range=MIN..MAX`: &struct {
			A int `env:"A" env-rule:"range=.."`
		}{},
		`env-rule "range=a..b": a bound is not a duration`: &struct {
			A time.Duration `env:"A" env-rule:"range=a..b"`
		}{},
		`env-rule "range=a..z": range=MIN..MAX is for`: &struct {
			A string `env:"A" env-rule:"range=a..z"`
		}{},
		"the field is not exported": &struct {
			a string `env:"A"`
		}{},
	} {
		_, err := config.LoadInto(t.Context(), dst, given(vars{"A": "canary"}, nil))
		require.ErrorContains(t, err, want)
		_, isProblem := errors.AsType[*config.Error](err)
		assert.False(t, isProblem, want)
	}
}

func TestEveryMistakeIsReported(t *testing.T) {
	t.Parallel()
	_, err := config.LoadInto(t.Context(), &struct {
		A func() `env:"A"`
		B string `env:"B" env-rule:"x"`
	}{}, given(nil, nil))
	require.ErrorContains(t, err, ".A: ")
	require.ErrorContains(t, err, ".B: ")
	_, err = config.Describe(loop{})
	require.ErrorContains(t, err, "contains itself")
}

type embedded struct {
	E string `env:"E"`
}

type third struct{ Pointer *netip.Addr }

func TestNesting(t *testing.T) {
	t.Parallel()
	var c struct {
		embedded
		*config.Base
		Primary struct {
			Host  string `env:"HOST"`
			Inner *struct {
				Port int `env:"PORT"`
			} `env-prefix:"INNER_"`
		} `env-prefix:"PRIMARY_"`
		Third   *third // no variables: left alone
		Time    time.Time
		private struct{ X string }
		Ignored string
	}
	_, err := config.LoadInto(t.Context(), &c, given(vars{
		"E": "e", "APP_NAME": "n", "PRIMARY_HOST": "h", "PRIMARY_INNER_PORT": "1", "Ignored": "x",
	}, nil))
	require.NoError(t, err)
	assert.Equal(t, "e", c.E)
	assert.Equal(t, "n", c.AppName)
	assert.Equal(t, "h", c.Primary.Host)
	assert.Equal(t, 1, c.Primary.Inner.Port)
	assert.Nil(t, c.Third)
	assert.Empty(t, c.Ignored)
	assert.Empty(t, c.private)
}

func TestOneVariableInManyStructs(t *testing.T) {
	t.Parallel()
	var c struct {
		A, B struct{ config.Base }
		C    *config.Base
	}
	reads := 0
	o := given(nil, nil)
	o.Lookup = func(name string) (string, bool) {
		if name == "APP_NAME" {
			reads++
		}
		return map[string]string{"APP_NAME": "n", "LOG_LEVEL": "loud"}[name], true
	}
	provenance, err := config.LoadInto(t.Context(), &c, o)
	require.EqualError(t, err, "the configuration is not valid:\n  LOG_LEVEL: must be one of debug, info, warning, error, critical (environment)")
	assert.Equal(t, 1, reads)
	assert.Equal(t, []string{"n", "n", "n"}, []string{c.A.AppName, c.B.AppName, c.C.AppName})
	count := 0
	for range provenance.All() {
		count++
	}
	assert.Equal(t, 6, count)
}
