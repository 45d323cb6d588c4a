package integration

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
	"github.com/netrun-systems/go-service-template/internal/platform/ratelimit/redistest"
)

// limited asserts that a response is a 429 of the rate limit with a name.
func (r response) limited(name string) {
	r.t.Helper()
	r.problem(errors.CodeRateLimitExceeded)
	assert.Regexp(r.t, `^"`+name+`";r=0;t=\d+$`, r.header.Get("RateLimit"))
	assert.Regexp(r.t, `^"`+name+`";q=\d+;w=3600$`, r.header.Get("RateLimit-Policy"))
	seconds, err := strconv.Atoi(r.header.Get("Retry-After"))
	require.NoError(r.t, err)
	assert.Positive(r.t, seconds)
}

func TestEachClientHasItsOwnRateLimit(t *testing.T) {
	t.Parallel()
	s := start(t, env{"RATELIMIT_RATE": "20", "RATELIMIT_PERIOD": "1h", "HTTP_TRUSTED_PROXIES": "127.0.0.1/32"})
	ada, bob := s.client.register(), s.client.register()
	_, key := ada.key("users:read")
	for left := 18; left >= 0; left-- { // the request for the key was the first
		res := ada.get("/v1/me")
		require.Equal(t, http.StatusOK, res.status, string(res.body))
		assert.Regexp(t, fmt.Sprintf(`^"default";r=%d;t=\d+$`, left), res.header.Get("RateLimit"))
		assert.Equal(t, `"default";q=20;w=3600`, res.header.Get("RateLimit-Policy"))
	}
	for _, path := range []string{"/v1/me", "/v1/users", "/v1/audit"} {
		ada.get(path).limited("default")
	}
	assert.Equal(t, http.StatusOK, bob.get("/v1/me").status, "another user at the same address")
	assert.Equal(t, http.StatusOK, s.client.withKey(key, "GET", "/v1/users", nil).status, "an API key of the same user")
	for range 50 {
		require.Equal(t, http.StatusOK, s.client.get("/healthz").status, "probes are not limited")
	}

	from := func(address string) response {
		return s.client.do(request{method: "GET", path: "/.well-known/jwks.json", header: map[string]string{"X-Forwarded-For": address}})
	}
	for i := range 20 {
		require.Equal(t, http.StatusOK, from(fmt.Sprintf("2001:db8::%d", i)).status)
	}
	from("2001:db8::ffff").limited("default")
	assert.Equal(t, http.StatusOK, from("2001:db8:1::1").status, "another network")
	assert.Equal(t, http.StatusOK, from("203.0.113.7").status, "another address")
}

// Each of these routes has a tighter limit than the others, for each address or user.
func TestTighterRateLimits(t *testing.T) {
	t.Parallel()
	s := start(t, env{"RATELIMIT_RATE": "20", "RATELIMIT_PERIOD": "1h", "AUTH_MAX_FAILURES": "100"})
	ada := s.client.register() // the first of two
	email := uuid.NewString() + "@example.com"
	tests := []struct {
		name    string
		allowed int
		send    func() response
	}{
		{"register", 1, func() response { return s.client.post("/v1/auth/register", map[string]any{}) }},
		{"login", 4, func() response { return s.client.guess(email, "a wrong password") }},
		{"refresh", 10, func() response { return s.client.refreshWith("x") }},
		{"password", 2, func() response { return ada.changePassword("a wrong password", "amber harbour seven lanterns") }},
	}
	for _, tt := range tests {
		for range tt.allowed {
			assert.Less(t, tt.send().status, http.StatusTooManyRequests, tt.name)
		}
		tt.send().limited(tt.name)
	}
	assert.Equal(t, http.StatusOK, ada.get("/v1/me").status)
}

// Failed authentications of an address are refused before the database is asked.
func TestRateLimitOfFailedAuthentications(t *testing.T) {
	t.Parallel()
	s := start(t, env{"RATELIMIT_RATE": "20", "RATELIMIT_PERIOD": "1h"})
	ada := s.client.register()
	_, key := ada.key("users:read")
	last := key[len(key)-1]
	wrong := key[:len(key)-1] + string(map[bool]byte{true: 'A', false: 'B'}[last != 'A'])
	for range 20 {
		require.Equal(t, http.StatusUnauthorized, s.client.withKey(wrong, "GET", "/v1/users", nil).status)
	}
	before := len(s.events("query"))
	for range 5 {
		s.client.withKey(wrong, "GET", "/v1/users", nil).limited("api_keys")
	}
	assert.Len(t, s.events("query"), before)

	forged := s.client
	forged.token = ada.token + "x"
	for range 20 {
		require.Equal(t, http.StatusUnauthorized, forged.get("/v1/me").status)
	}
	forged.get("/v1/me").limited("authentication")
	assert.Equal(t, http.StatusOK, ada.get("/v1/me").status, "others at the address go on")
}

func TestRateLimitIsReloaded(t *testing.T) {
	t.Parallel()
	name := file(t, t.TempDir(), "settings", "RATELIMIT_PERIOD=1h\n")
	list := env{"ENV_FILE": name, "RATELIMIT_RATE": ""}.list(platformtest.Database(t, apptest.Migrated))
	s := launch(t, t.TempDir(), list)
	s.client = client{t: t, base: "http://" + s.await(t, "service_started")["addr"].(string)}
	get := func() string { return s.client.get("/.well-known/jwks.json").header.Get("RateLimit-Policy") }
	assert.Equal(t, `"default";q=100;w=3600`, get())
	file(t, filepath.Dir(name), "settings", "RATELIMIT_RATE=7\nRATELIMIT_PERIOD=2h\n")
	s.signal(t, syscall.SIGHUP)
	assert.ElementsMatch(t, []any{"RATELIMIT_RATE", "RATELIMIT_PERIOD"}, s.await(t, "config_reloaded")["changed"])
	platformtest.Eventually(t, soon, func() error {
		if got := get(); got != `"default";q=7;w=7200` {
			return fmt.Errorf("the policy is %s", got)
		}
		return nil
	})
}

// Two replicas allow a client what one would, and no request fails when Redis is killed.
func TestReplicasShareRateLimitsThroughRedis(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	e := env{"RATELIMIT_RATE": "200", "RATELIMIT_PERIOD": "1h", "RATELIMIT_REDIS_URL": redis.URL}
	one := start(t, e)
	two := startOn(t, one.dsn, e)
	replicas := []*service{one, two}

	// burst sends 150 requests of one address to each replica, and counts the responses by status.
	burst := func(each func()) map[int]int {
		var (
			mu       sync.Mutex
			all      sync.WaitGroup
			statuses = map[int]int{}
		)
		for _, s := range replicas {
			all.Go(func() {
				for range 150 {
					res := s.client.get("/.well-known/jwks.json")
					each()
					mu.Lock()
					statuses[res.status]++
					mu.Unlock()
				}
			})
		}
		all.Wait()
		return statuses
	}
	statuses := burst(func() {})
	assert.InEpsilon(t, 200, statuses[http.StatusOK], 0.05, statuses)
	assert.Equal(t, 300, statuses[http.StatusOK]+statuses[http.StatusTooManyRequests], statuses)

	statuses = burst(sync.OnceFunc(redis.Kill))
	assert.Equal(t, 300, statuses[http.StatusOK]+statuses[http.StatusTooManyRequests], "no other status during the outage: %v", statuses)
	assert.Greater(t, statuses[http.StatusOK], 200, "each replica limits alone")
	for _, s := range replicas {
		s.await(t, "ratelimit_redis_failed")
	}

	redis.Restart(t)
	for _, s := range replicas {
		platformtest.Eventually(t, soon, func() error {
			s.client.get("/.well-known/jwks.json")
			if len(s.events("ratelimit_redis_recovered")) == 0 {
				return fmt.Errorf("no ratelimit_redis_recovered")
			}
			return nil
		})
	}
	statuses = burst(func() {})
	assert.LessOrEqual(t, statuses[http.StatusOK], 200, "the replicas must share the new Redis")
	for _, s := range replicas {
		assert.Len(t, s.events("ratelimit_redis_failed"), 1)
		assert.Equal(t, http.StatusOK, s.client.get("/readyz").status)
		s.stop(t)
	}
}

func TestRateLimitsFailClosed(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	s := start(t, env{"RATELIMIT_REDIS_URL": redis.URL, "RATELIMIT_FAIL_CLOSED": "true"})
	require.Equal(t, http.StatusOK, s.client.get("/.well-known/jwks.json").status)
	redis.Kill()
	s.client.get("/.well-known/jwks.json").problem(errors.CodeServiceUnavailable)
	assert.Equal(t, http.StatusOK, s.client.get("/readyz").status)
	redis.Restart(t)
	platformtest.Eventually(t, soon, func() error {
		if status := s.client.get("/.well-known/jwks.json").status; status != http.StatusOK {
			return fmt.Errorf("the status is %d", status)
		}
		return nil
	})
}
