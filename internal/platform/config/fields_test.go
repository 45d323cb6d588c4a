package config_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// A mistake in a struct is found before anything is read and is not a [config.Error], since no
// operator can correct it.
func TestMistakesInTheStruct(t *testing.T) {
	t.Parallel()
	mistake[int](t, "config: int is not a struct")
	type first struct {
		A int `env:"A" env-default:"1"`
	}
	type second struct {
		A int `env:"A" env-default:"2"`
	}
	mistake[struct {
		first
		Second second
	}](t, "config_test.second.A: type or tags of A differ from those of config_test.first.A")
	mistake[struct {
		A string `env:"A"`
		B string `env:"A" env-live:"true"`
	}](t, "type or tags of A differ")
	mistake[struct {
		A string `env:"A,B"`
	}](t, "must have exactly one name")
	mistake[struct {
		A string `env:""`
	}](t, "must have exactly one name")
	mistake[struct {
		A string `env:"A" env-required:"false"`
	}](t, "tag env-required is not supported")
	mistake[struct {
		A int `env:"A" env-empty:"allow"`
	}](t, "tag env-empty requires a string or a list")
	mistake[struct {
		A string `env:"A" env-empty:"yes"`
	}](t, `tag env-empty must be "allow" or absent`)
	mistake[struct {
		A string `env:"A" env-live:"no"`
	}](t, `tag env-live must be "true" or absent`)
	mistake[struct {
		A string `env:"A" env-file:"yes"`
	}](t, `tag env-file must be "allow" or absent`)
	mistake[struct {
		A func() `env:"A"`
	}](t, "type func() is not supported")
	mistake[struct {
		A struct{} `env:"A"`
	}](t, "type struct {} is not supported")
	mistake[struct {
		A [][]string `env:"A"`
	}](t, "type [][]string is not supported")
	mistake[struct {
		A []int `env:"A"`
	}](t, "type []int is not supported")
	mistake[struct {
		A []config.Secret `env:"A"`
	}](t, "type []logging.Secret is not supported")
	mistake[struct {
		A string `env:"A" env-rule:"between=1"`
	}](t, `env-rule "between=1": no such rule for type string`)
	mistake[struct {
		A string `env:"A" env-rule:"oneof="`
	}](t, `env-rule "oneof=": no such rule`)
	mistake[struct {
		A int `env:"A" env-rule:"oneof=1 2"`
	}](t, "no such rule for type int")
	mistake[struct {
		A int `env:"A" env-rule:"range=1"`
	}](t, "range=MIN..MAX requires a number")
	mistake[struct {
		A int `env:"A" env-rule:"range=.."`
	}](t, "range=MIN..MAX requires a number")
	mistake[struct {
		A time.Duration `env:"A" env-rule:"range=a..b"`
	}](t, "a bound is not a duration")
	mistake[struct {
		A string `env:"A" env-rule:"range=a..z"`
	}](t, "range=MIN..MAX requires a number")
	mistake[struct {
		a string `env:"A"`
	}](t, "the field is not exported")
	type two struct {
		A func() `env:"A"`
		B string `env:"B" env-rule:"x"`
	}
	mistake[two](t, "two.A: ")
	mistake[two](t, "two.B: ")
}

func mistake[T any](t *testing.T, want string) {
	t.Helper()
	c, _, err := config.Load[T](t.Context(), given(vars{"A": "canary"}, nil))
	require.ErrorContains(t, err, want)
	assert.Nil(t, c)
	_, isProblem := errors.AsType[*config.Error](err)
	assert.False(t, isProblem, want)
	_, err = config.Describe[T]()
	require.ErrorContains(t, err, want)
	_, _, err = config.NewReloader[T](t.Context(), given(nil, nil))
	require.ErrorContains(t, err, want)
}

type embedded struct {
	E string `env:"E"`
}

func TestNestedStructs(t *testing.T) {
	t.Parallel()
	var c struct {
		embedded
		config.Base
		Primary struct {
			Inner struct {
				Port int `env:"PORT"`
			}
		}
		Pointer *embedded // not followed
		Time    time.Time
		private struct{ X string }
		Ignored string
	}
	_, err := load(t, &c, given(vars{"E": "e", "APP_NAME": "n", "PORT": "1", "Ignored": "x"}, nil))
	require.NoError(t, err)
	assert.Equal(t, "e", c.E)
	assert.Equal(t, "n", c.AppName)
	assert.Equal(t, 1, c.Primary.Inner.Port)
	assert.Nil(t, c.Pointer)
	assert.Empty(t, c.Ignored)
	assert.Empty(t, c.private)
}

func TestOneVariableInManyStructs(t *testing.T) {
	t.Parallel()
	var c struct {
		A, B struct{ config.Base }
		C    config.Base
	}
	reads := 0
	o := given(nil, nil)
	o.Lookup = func(name string) (string, bool) {
		if name == "APP_NAME" {
			reads++
		}
		return map[string]string{"APP_NAME": "n", "LOG_LEVEL": "loud"}[name], true
	}
	provenance, err := load(t, &c, o)
	require.EqualError(t, err, "invalid configuration:\n  LOG_LEVEL: must be one of debug, info, warning, error, critical (environment)")
	assert.Equal(t, 1, reads)
	assert.Equal(t, []string{"n", "n", "n"}, []string{c.A.AppName, c.B.AppName, c.C.AppName})
	assert.Len(t, provenance.Settings, 7)
}
