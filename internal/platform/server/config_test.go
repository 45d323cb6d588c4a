package server_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/server"
)

func load(t *testing.T, variables map[string]string) (server.Config, error) {
	t.Helper()
	cfg, _, err := config.Load[server.Config](t.Context(), config.Options{Dir: t.TempDir(), Lookup: func(name string) (string, bool) {
		value, ok := variables[name]
		return value, ok
	}})
	return *cfg, err
}

func TestConfigDefaults(t *testing.T) {
	t.Parallel()
	cfg, err := load(t, nil)
	require.NoError(t, err)
	cfg.Base = config.Base{}
	cfg.TrustedProxies = nil
	assert.Equal(t, server.Config{
		Addr: "127.0.0.1:8080", AdminAddr: "127.0.0.1:9090",
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		RequestTimeout: 30 * time.Second, ShutdownTimeout: 25 * time.Second, BodyLimit: 1 << 20,
		BodyBudget: 64 << 20,
	}, cfg)
}

func TestDevelopmentListensOnLoopbackOnly(t *testing.T) {
	t.Parallel()
	for environment, want := range map[string]string{
		"": "127.0.0.1:8080", "Development": "127.0.0.1:8080", "testing": ":8080", "staging": ":8080", "production": ":8080",
	} {
		cfg, err := load(t, map[string]string{"APP_ENVIRONMENT": environment})
		require.NoError(t, err)
		assert.Equal(t, want, cfg.Addr, environment)
		cfg, err = load(t, map[string]string{"APP_ENVIRONMENT": environment, "HTTP_ADDR": "0.0.0.0:80"})
		require.NoError(t, err)
		assert.Equal(t, "0.0.0.0:80", cfg.Addr, environment)
	}
}

func TestConfigReads(t *testing.T) {
	t.Parallel()
	cfg, err := load(t, map[string]string{
		"ADMIN_ADDR": "", "HTTP_BODY_LIMIT": "512KiB", "HTTP_TRUSTED_PROXIES": "10.0.0.0/8, fd00::/8", "HTTP_SHUTDOWN_DELAY": "5",
	})
	require.NoError(t, err)
	assert.Empty(t, cfg.AdminAddr, "empty means no admin listener")
	assert.Equal(t, config.Bytes(512<<10), cfg.BodyLimit)
	assert.Equal(t, []string{"10.0.0.0/8", "fd00::/8"}, cfg.TrustedProxies)
	assert.Equal(t, 5*time.Second, cfg.ShutdownDelay)
}

func TestConfigRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ variable, value, rule string }{
		{"HTTP_ADDR", "8080", "address"},
		{"HTTP_ADDR", ":http", "address"},
		{"HTTP_ADDR", "hunter2:99999", "address"},
		{"ADMIN_ADDR", "hunter2", "address"},
		{"ADMIN_ADDR", "127.0.0.1:8080", "distinct"},
		{"HTTP_READ_HEADER_TIMEOUT", "0s", "range"},
		{"HTTP_READ_TIMEOUT", "-1s", "range"},
		{"HTTP_IDLE_TIMEOUT", "0", "range"},
		{"HTTP_SHUTDOWN_TIMEOUT", "0", "range"},
		{"HTTP_SHUTDOWN_DELAY", "-1s", "range"},
		{"HTTP_WRITE_TIMEOUT", "30s", "order"},
		{"HTTP_BODY_LIMIT", "0", "range"},
		{"HTTP_BODY_BUDGET", "1000KiB", "order"},
		{"HTTP_TRUSTED_PROXIES", "10.0.0.1", "cidr"},
		{"HTTP_TRUSTED_PROXIES", "10.0.0.0/8,hunter2", "cidr"},
		{"HTTP_TRUSTED_PROXIES", "0.0.0.0/0", "cidr"},
		{"HTTP_TRUSTED_PROXIES", "::ffff:0:0/96", "cidr"},
	} {
		_, err := load(t, map[string]string{tt.variable: tt.value})
		problems, ok := errors.AsType[*config.Error](err)
		require.True(t, ok, "%s=%s: %v", tt.variable, tt.value, err)
		require.NotEmpty(t, problems.Problems)
		assert.Equal(t, tt.variable, problems.Problems[0].Variable)
		assert.Equal(t, tt.rule, problems.Problems[0].Rule)
		assert.NotContains(t, err.Error(), "hunter2")
	}
}
