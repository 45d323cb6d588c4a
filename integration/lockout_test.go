package integration

import (
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// guess tries a password.
func (c client) guess(email, secret string) response {
	c.t.Helper()
	return client{t: c.t, base: c.base}.post("/v1/auth/login", map[string]any{"email": email, "password": secret})
}

func TestLockoutStopsGuessing(t *testing.T) {
	t.Parallel()
	s := start(t, env{"AUTH_MAX_FAILURES": "3", "AUTH_LOCKOUT": "10m"})
	ada, bob := s.client.register(), s.client.register()
	nobody := uuid.NewString() + "@example.com"
	for _, email := range []string{ada.email, nobody} { // who exists and who does not are treated alike
		for range 3 {
			s.client.guess(email, "a wrong password").problem(errors.CodeInvalidCredentials)
		}
		res := s.client.guess(email, password)
		res.problem(errors.CodeRateLimitExceeded)
		seconds, err := strconv.Atoi(res.header.Get("Retry-After"))
		require.NoError(t, err)
		assert.InDelta(t, 600, seconds, 10)
	}
	assert.Equal(t, http.StatusOK, bob.login().get("/v1/me").status, "others are not locked")
	s.awaitThat(t, "account_locked", func(line map[string]any) bool { return line["audit"] == true && line["level"] == "warning" })

	restarted := startOn(t, s.dsn, env{"AUTH_MAX_FAILURES": "3", "AUTH_LOCKOUT": "10m"})
	restarted.client.guess(ada.email, password).problem(errors.CodeRateLimitExceeded)
}

func TestSuccessForgivesFailures(t *testing.T) {
	t.Parallel()
	s := start(t, env{"AUTH_MAX_FAILURES": "3"})
	ada := s.client.register()
	for range 3 {
		for range 2 {
			s.client.guess(ada.email, "a wrong password").problem(errors.CodeInvalidCredentials)
		}
		ada.login()
	}
}

// Guesses that come at once are counted before they are looked at.
func TestParallelGuessesAreCounted(t *testing.T) {
	t.Parallel()
	s := start(t, env{"AUTH_MAX_FAILURES": "5"})
	ada := s.client.register()
	var (
		all  sync.WaitGroup
		seen atomic.Int64
	)
	for range 40 {
		all.Go(func() {
			res := s.client.guess(ada.email, "a wrong password")
			if res.status == http.StatusUnauthorized {
				seen.Add(1)
				return
			}
			assert.Equal(t, http.StatusTooManyRequests, res.status, string(res.body))
		})
	}
	all.Wait()
	assert.EqualValues(t, 5, seen.Load(), "so many guesses were answered")
}

func TestLockoutOfAnAddress(t *testing.T) {
	t.Parallel()
	s := start(t, env{
		"AUTH_MAX_FAILURES_PER_ADDRESS": "4", "HTTP_TRUSTED_PROXIES": "127.0.0.1/32",
	})
	ada := s.client.register()
	from := func(address, email, secret string) response {
		return s.client.do(request{
			method: "POST", path: "/v1/auth/login", header: map[string]string{"X-Forwarded-For": address},
			body: map[string]any{"email": email, "password": secret},
		})
	}
	for range 4 { // another account each time
		from("203.0.113.7", uuid.NewString()+"@example.com", "a wrong password").problem(errors.CodeInvalidCredentials)
	}
	from("203.0.113.7", ada.email, password).problem(errors.CodeRateLimitExceeded)
	assert.Equal(t, http.StatusOK, from("203.0.113.8", ada.email, password).status)
}
