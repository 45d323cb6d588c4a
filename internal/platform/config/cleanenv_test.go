package config_test

import (
	"os"
	"testing"
	"time"

	"github.com/ilyakaznacheev/cleanenv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
)

// What cleanenv gets wrong by itself, one test a fault. Each first shows the fault, so that it fails when a version of
// cleanenv mends it and the code against it may go.

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
	_, err := config.LoadInto(t.Context(), &one{}, config.Options{})
	require.EqualError(t, err, "the configuration is not valid:\n  FAULT_PORT: must be a whole number (environment)")
}

func TestFaultRequired(t *testing.T) {
	require.EqualError(t, cleanenv.ReadEnv(&struct {
		Host string `env:"FAULT_HOST" env-required:"false"`
	}{}), `field "Host" is required but the value is not provided`)
	_, err := config.LoadInto(t.Context(), &struct {
		Host string `env:"FAULT_HOST" env-rule:"required"`
	}{}, config.Options{})
	require.EqualError(t, err, "the configuration is not valid:\n  FAULT_HOST: is required")
}

func TestFaultEmptyCountsAsSet(t *testing.T) {
	type one struct {
		Host string `env:"FAULT_HOST" env-default:"localhost"`
	}
	t.Setenv("FAULT_HOST", "")
	var theirs, ours one
	require.NoError(t, cleanenv.ReadEnv(&theirs))
	require.Empty(t, theirs.Host)
	_, err := config.LoadInto(t.Context(), &ours, config.Options{})
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
	_, err := config.LoadInto(t.Context(), &ours, given(nil, vars{".env": "FAULT_ON=false\nFAULT_D=0"}))
	require.NoError(t, err)
	assert.Equal(t, one{}, ours)
}

func TestFaultPointers(t *testing.T) {
	type one struct {
		Host  *string `env:"FAULT_HOST"`
		Inner *struct {
			Port int `env:"FAULT_PORT"`
		}
	}
	t.Setenv("FAULT_HOST", "h")
	t.Setenv("FAULT_PORT", "1")
	require.ErrorContains(t, cleanenv.ReadEnv(&one{}), "unsupported type")
	var ours one
	_, err := config.LoadInto(t.Context(), &ours, config.Options{})
	require.NoError(t, err)
	assert.Equal(t, "h", *ours.Host)
	assert.Equal(t, 1, ours.Inner.Port)
}

func TestFaultListItems(t *testing.T) {
	type one struct {
		Ports []int `env:"FAULT_PORTS"`
	}
	t.Setenv("FAULT_PORTS", "1, 2,")
	require.Error(t, cleanenv.ReadEnv(&one{}))
	var ours one
	_, err := config.LoadInto(t.Context(), &ours, config.Options{})
	require.NoError(t, err)
	assert.Equal(t, []int{1, 2}, ours.Ports)
}

func TestFaultOctal(t *testing.T) {
	type one struct {
		Port int `env:"FAULT_PORT"`
	}
	t.Setenv("FAULT_PORT", "010")
	var theirs, ours one
	require.NoError(t, cleanenv.ReadEnv(&theirs))
	require.Equal(t, 8, theirs.Port)
	_, err := config.LoadInto(t.Context(), &ours, config.Options{})
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
	_, err := config.LoadInto(t.Context(), &ours, config.Options{})
	require.NoError(t, err)
	assert.Equal(t, "environment", ours.Host)
	assert.Empty(t, os.Getenv("FAULT_LEAK"))

	var theirs one
	require.NoError(t, cleanenv.ReadConfig(file, &theirs))
	require.Equal(t, "file", theirs.Host)
	require.Equal(t, "1", os.Getenv("FAULT_LEAK"))
}
