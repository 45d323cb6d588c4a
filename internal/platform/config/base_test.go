package config_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
)

func TestBaseDefaults(t *testing.T) {
	t.Parallel()
	var b config.Base
	_, err := config.LoadInto(t.Context(), &b, given(nil, nil))
	require.NoError(t, err)
	assert.Equal(t, config.Base{AppName: "netrun-service", Environment: config.Development, LogLevel: "info"}, b)
}

func TestBaseTakesAnyCase(t *testing.T) {
	t.Parallel()
	for name, is := range map[string]func(config.Base) bool{
		"Development": config.Base.IsDevelopment, "STAGING": config.Base.IsStaging,
		" production ": config.Base.IsProduction, "tesTing": config.Base.IsTesting,
	} {
		var b config.Base
		_, err := config.LoadInto(t.Context(), &b, given(vars{"APP_ENVIRONMENT": name, "LOG_LEVEL": "WARNING", "LOG_FORMAT": "Console"}, nil))
		require.NoError(t, err)
		assert.True(t, is(b), name)
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
