package ratelimit_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/ratelimit"
	"github.com/netrun-systems/go-service-template/internal/platform/ratelimit/redistest"
)

func secret(text string) config.Secret { return config.Secret(text) }

func log(t testing.TB) logging.Logger {
	t.Helper()
	l, _ := newLog(t)
	return l
}

func newLimits(t testing.TB, cfg ratelimit.Config) *ratelimit.Limits {
	t.Helper()
	limits, err := ratelimit.New(cfg, log(t))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, limits.Close()) })
	return limits
}

func noContent(c echo.Context) error { return c.NoContent(http.StatusNoContent) }

// send sends a request from an address, with a principal unless it is zero, and returns the header
// and the error of the handler.
func send(t testing.TB, h echo.HandlerFunc, address string, p auth.Principal, apiKey ...string) (http.Header, error) {
	t.Helper()
	ctx := t.Context()
	if p.UserID != uuid.Nil {
		ctx = auth.WithPrincipal(ctx, p)
	}
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
	r.RemoteAddr = address
	r.Header[auth.HeaderAPIKey] = apiKey
	e := echo.New()
	e.IPExtractor = echo.ExtractIPDirect()
	w := httptest.NewRecorder()
	err := h(e.NewContext(r, w))
	return w.Header(), err
}

func TestClients(t *testing.T) {
	t.Parallel()
	user, key := uuid.New(), uuid.New()
	type sender struct {
		address string
		auth.Principal
	}
	tests := map[string]struct {
		one, other sender
		same       bool
	}{
		"one address, other port":          {sender{address: "192.0.2.1:1"}, sender{address: "192.0.2.1:2"}, true},
		"two IPv4 addresses":               {sender{address: "192.0.2.1:1"}, sender{address: "192.0.2.2:1"}, false},
		"one IPv6 network":                 {sender{address: "[2001:db8::1]:1"}, sender{address: "[2001:db8::ffff:0:0:2]:1"}, true},
		"two IPv6 networks":                {sender{address: "[2001:db8::1]:1"}, sender{address: "[2001:db8:0:1::1]:1"}, false},
		"IPv4 in IPv6":                     {sender{address: "192.0.2.1:1"}, sender{address: "[::ffff:192.0.2.1]:1"}, true},
		"two IPv4 addresses in IPv6":       {sender{address: "[::ffff:192.0.2.2]:1"}, sender{address: "[::ffff:192.0.2.1]:1"}, false},
		"IPv6 with and without zone":       {sender{address: "[fe80::1%eth0]:1"}, sender{address: "[fe80::1]:1"}, true},
		"no address":                       {sender{address: "@"}, sender{address: "@"}, true},
		"one user at two addresses":        {sender{"192.0.2.1:1", auth.Principal{UserID: user}}, sender{"192.0.2.2:1", auth.Principal{UserID: user}}, true},
		"one user in two sessions":         {sender{"192.0.2.1:1", auth.Principal{UserID: user, SessionID: key}}, sender{"192.0.2.1:1", auth.Principal{UserID: user}}, true},
		"two users at one address":         {sender{"192.0.2.1:1", auth.Principal{UserID: user}}, sender{"192.0.2.1:1", auth.Principal{UserID: key}}, false},
		"a user and an API key of theirs":  {sender{"192.0.2.1:1", auth.Principal{UserID: user}}, sender{"192.0.2.1:1", auth.Principal{UserID: user, APIKeyID: key}}, false},
		"one API key at two addresses":     {sender{"192.0.2.1:1", auth.Principal{UserID: user, APIKeyID: key}}, sender{"192.0.2.2:1", auth.Principal{UserID: user, APIKeyID: key}}, true},
		"an API key with the id of a user": {sender{"192.0.2.1:1", auth.Principal{UserID: key}}, sender{"192.0.2.1:1", auth.Principal{UserID: user, APIKeyID: key}}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newLimits(t, ratelimit.Config{Rate: 1, Period: time.Hour}).Requests(ratelimit.Route{})(noContent)
			_, err := send(t, h, tt.one.address, tt.one.Principal)
			require.NoError(t, err)
			_, err = send(t, h, tt.other.address, tt.other.Principal)
			assert.Equal(t, tt.same, errors.HasCode(err, errors.CodeRateLimitExceeded), err)
		})
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	limits := newLimits(t, ratelimit.Config{Rate: 60, Period: time.Hour, Burst: 20})
	login := limits.Requests(ratelimit.Route{Name: "login", Divisor: 10})(noContent)
	for _, want := range []string{`"login";r=1;t=600`, `"login";r=0;t=1200`} {
		h, err := send(t, login, "192.0.2.1:1", auth.Principal{})
		require.NoError(t, err)
		assert.Equal(t, want, h.Get("RateLimit"))
		assert.Equal(t, `"login";q=6;w=3600`, h.Get("RateLimit-Policy"))
	}
	h, err := send(t, login, "192.0.2.1:1", auth.Principal{})
	require.True(t, errors.HasCode(err, errors.CodeRateLimitExceeded), err)
	assert.InDelta(t, 600, errors.From(err).RetryAfter.Seconds(), 5)
	assert.Equal(t, `"login";r=0;t=1200`, h.Get("RateLimit"))

	h, err = send(t, limits.Requests(ratelimit.Route{})(noContent), "192.0.2.1:1", auth.Principal{})
	require.NoError(t, err, "another route has its own counter")
	assert.Equal(t, `"default";r=19;t=60`, h.Get("RateLimit"))
	assert.Equal(t, `"default";q=60;w=3600`, h.Get("RateLimit-Policy"))

	h, err = send(t, limits.Requests(ratelimit.Route{Name: "rare", Divisor: 1000})(noContent), "192.0.2.1:1", auth.Principal{})
	require.NoError(t, err, "a divisor leaves at least one request")
	assert.Equal(t, `"rare";r=0;t=3600`, h.Get("RateLimit"))
}

func TestReconfigure(t *testing.T) {
	t.Parallel()
	limits := newLimits(t, ratelimit.Config{Rate: 1, Period: time.Hour})
	h := limits.Requests(ratelimit.Route{})(noContent)
	_, err := send(t, h, "192.0.2.1:1", auth.Principal{})
	require.NoError(t, err)
	_, err = send(t, h, "192.0.2.1:1", auth.Principal{})
	require.Error(t, err)
	limits.Reconfigure(ratelimit.Config{Rate: 100, Period: time.Hour, Burst: 200})
	header, err := send(t, h, "192.0.2.1:1", auth.Principal{})
	require.NoError(t, err)
	assert.Equal(t, `"default";q=100;w=3600`, header.Get("RateLimit-Policy"))
}

// authentication is middleware that returns result, and counts how often it was called.
type authentication struct {
	result error
	tried  int
}

func (a *authentication) middleware(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		a.tried++
		if a.result != nil {
			return a.result
		}
		return next(c)
	}
}

// Only failed authentications count. Others at the address go on with valid tokens, and learn that
// theirs has expired.
func TestFailures(t *testing.T) {
	t.Parallel()
	limits := newLimits(t, ratelimit.Config{Rate: 3, Period: time.Hour})
	var a authentication
	h := limits.Failures(a.middleware)(noContent)
	answers := func(address string, want errors.Code) http.Header {
		t.Helper()
		header, err := send(t, h, address, auth.Principal{})
		if want == (errors.Code{}) {
			require.NoError(t, err)
		} else {
			require.True(t, errors.HasCode(err, want), "%v", err)
		}
		return header
	}
	for _, code := range []errors.Code{{}, errors.CodePermissionDenied, errors.CodeTokenExpired} {
		if a.result = nil; code != (errors.Code{}) {
			a.result = errors.New(code, "")
		}
		for range 10 {
			answers("192.0.2.1:1", code)
		}
	}
	a.result = errors.New(errors.CodeTokenInvalid, "")
	for range 3 {
		answers("192.0.2.1:1", errors.CodeTokenInvalid)
	}
	header := answers("192.0.2.1:1", errors.CodeRateLimitExceeded)
	assert.Equal(t, `"authentication";q=3;w=3600`, header.Get("RateLimit-Policy"))
	answers("192.0.2.2:1", errors.CodeTokenInvalid)
	a.result = nil
	answers("192.0.2.1:1", errors.Code{})
	a.result = errors.New(errors.CodeTokenExpired, "")
	answers("192.0.2.1:1", errors.CodeTokenExpired)
}

// API keys of an address are refused before the next one is tried, which does not depend on tokens.
func TestFailuresOfAPIKeys(t *testing.T) {
	t.Parallel()
	limits := newLimits(t, ratelimit.Config{Rate: 3, Period: time.Hour})
	a := authentication{result: errors.New(errors.CodeTokenInvalid, "")}
	h := limits.Failures(a.middleware)(noContent)
	for range 10 {
		_, err := send(t, h, "192.0.2.1:1", auth.Principal{})
		require.Error(t, err)
	}
	a.tried = 0
	for range 3 {
		_, err := send(t, h, "192.0.2.1:1", auth.Principal{}, "ak_x")
		require.ErrorIs(t, err, a.result)
	}
	header, err := send(t, h, "192.0.2.1:1", auth.Principal{}, "ak_x")
	require.True(t, errors.HasCode(err, errors.CodeRateLimitExceeded), err)
	assert.Equal(t, `"api_keys";q=3;w=3600`, header.Get("RateLimit-Policy"))
	assert.Equal(t, 3, a.tried, "a refused address must not reach the authentication")
	_, err = send(t, h, "192.0.2.2:1", auth.Principal{}, "ak_x")
	require.ErrorIs(t, err, a.result, "another address")
}

func TestNilLimitsLimitNothing(t *testing.T) {
	t.Parallel()
	var limits *ratelimit.Limits
	same := func(next echo.HandlerFunc) echo.HandlerFunc { return next }
	for range 1000 {
		header, err := send(t, limits.Failures(same)(limits.Requests(ratelimit.Route{})(noContent)), "192.0.2.1:1", auth.Principal{})
		require.NoError(t, err)
		require.Empty(t, header)
	}
	require.NoError(t, limits.Close())
}

func TestErrorsOfTheLimiterReachTheClient(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	limits := newLimits(t, ratelimit.Config{Rate: 3, Period: time.Hour, RedisURL: secret(server.URL), FailClosed: true})
	h := limits.Requests(ratelimit.Route{})(noContent)
	_, err := send(t, h, "192.0.2.1:1", auth.Principal{})
	require.NoError(t, err)
	server.Kill()
	_, err = send(t, h, "192.0.2.1:1", auth.Principal{})
	require.True(t, errors.HasCode(err, errors.CodeServiceUnavailable), err)
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	load := func(env map[string]string) (*ratelimit.Config, error) {
		cfg, _, err := config.Load[ratelimit.Config](context.Background(), config.Options{Dir: t.TempDir(), Lookup: func(name string) (string, bool) {
			value, ok := env[name]
			return value, ok
		}})
		return cfg, err
	}
	cfg, err := load(nil)
	require.NoError(t, err)
	assert.Equal(t, ratelimit.Config{Rate: 100, Period: time.Minute, Burst: 100}, *cfg)
	_, err = load(map[string]string{"RATELIMIT_RATE": "0", "RATELIMIT_PERIOD": "1ms", "RATELIMIT_BURST": "-1", "RATELIMIT_REDIS_URL": "x"})
	for _, name := range []string{"RATELIMIT_RATE", "RATELIMIT_PERIOD", "RATELIMIT_BURST", "RATELIMIT_REDIS_URL"} {
		assert.ErrorContains(t, err, name)
	}
}
