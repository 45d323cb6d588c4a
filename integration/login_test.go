package integration

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

func TestRegisterAndLogin(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	email := "  Ada@Example.COM "
	res := s.client.post("/v1/auth/register", map[string]any{
		"tenant_name": "Analytical Engines", "email": email, "password": password, "display_name": "Ada",
	})
	require.Equal(t, http.StatusCreated, res.status, string(res.body))
	assert.Equal(t, "ada@example.com", res.text("user.email"))
	assert.Equal(t, "owner", res.text("user.role"))
	assert.Equal(t, "Bearer", res.text("tokens.token_type"))
	assert.InDelta(t, 900, res.value("tokens.expires_in"), 1)
	assert.Equal(t, "no-store", res.header.Get("Cache-Control"))
	assert.EqualValues(t, 7, uuid.MustParse(res.text("user.id")).Version())

	login := s.client.post("/v1/auth/login", map[string]any{"email": "ada@example.com", "password": password})
	require.Equal(t, http.StatusOK, login.status, string(login.body))
	assert.Equal(t, "no-store", login.header.Get("Cache-Control"))
	ada := client{t: t, base: s.client.base, token: login.text("tokens.access_token")}
	me := ada.get("/v1/me")
	assert.Equal(t, res.text("user.id"), me.text("id"))
	assert.Equal(t, "Analytical Engines", me.text("tenant_name"))
	assert.Contains(t, me.value("permissions"), writePermission)

	s.client.post("/v1/auth/register", map[string]any{"tenant_name": "Other", "email": "ADA@example.com", "password": password}).
		problem(errors.CodeConflict)
	s.client.post("/v1/auth/login", map[string]any{"email": "ada@example.com", "password": password, "tenant_id": uuid.NewString()}).
		problem(errors.CodeTenantAccessDenied)
}

func TestLoginDoesNotRevealAccounts(t *testing.T) {
	t.Parallel()
	s := start(t, env{"AUTH_MAX_FAILURES": "100", "AUTH_MAX_FAILURES_PER_ADDRESS": "1000"})
	ada := s.client.register()
	attempt := func(email string) (response, time.Duration) {
		begin := time.Now()
		res := s.client.post("/v1/auth/login", map[string]any{"email": email, "password": "not the password at all"})
		return res, time.Since(begin)
	}
	var known, unknown time.Duration // the fastest of several attempts, of more if the machine is busy
	const minAttempts, maxAttempts = 5, 25
	alike := func() bool { ratio := unknown.Seconds() / known.Seconds(); return ratio > 0.5 && ratio < 1.5 }
	attempts := 0
	for attempts < minAttempts || attempts < maxAttempts && !alike() {
		attempts++
		res, took := attempt(ada.email)
		res.problem(errors.CodeInvalidCredentials)
		if known == 0 || took < known {
			known = took
		}
		res, took = attempt(uuid.NewString() + "@example.com")
		res.problem(errors.CodeInvalidCredentials)
		if unknown == 0 || took < unknown {
			unknown = took
		}
	}
	assert.True(t, alike(), "%s and %s", unknown, known)
	s.stop(t)
	assert.Len(t, s.events("login_failed"), 2*attempts)
}

func TestInvalidRegistrationIsRejected(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	res := s.client.post("/v1/auth/register", map[string]any{"tenant_name": " ", "email": "no-address", "password": "short"})
	res.problem(errors.CodeValidation)
	assert.ElementsMatch(t, []string{"tenant_name", "email", "password"}, res.fields(), "all invalid fields")
	for field, value := range map[string]any{
		"tenant_name": "a\x00b", "email": "a@b@c", "password": "password1234", "display_name": string(make([]rune, 200)),
	} {
		body := map[string]any{"tenant_name": "T", "email": uuid.NewString() + "@example.com", "password": password, "display_name": "D"}
		body[field] = value
		res := s.client.post("/v1/auth/register", body)
		res.problem(errors.CodeValidation)
		assert.Equal(t, []string{field}, res.fields())
	}
	assert.NotContains(t, s.dump(), password, "the log must not contain passwords")
}

func TestChangePassword(t *testing.T) {
	t.Parallel()
	s := start(t, env{"AUTH_MAX_FAILURES": "3"})
	owner := s.client.register()
	bob := owner.member("member")
	other := bob.login()
	const next = "amber harbour seven lanterns"

	for field, res := range map[string]response{
		"current_password": bob.changePassword("a wrong password", next),
		"new_password":     bob.changePassword(password, "short"),
	} {
		res.problem(errors.CodeValidation)
		assert.Equal(t, []string{field}, res.fields())
	}
	bob.changePassword("", "").problem(errors.CodeValidation)
	require.Equal(t, http.StatusNoContent, bob.changePassword(password, next).status)
	assert.Equal(t, http.StatusOK, bob.get("/v1/me").status, "the current session must stay valid")
	other.get("/v1/me").problem(errors.CodeTokenRevoked)
	other.refreshWith(other.refresh).problem(errors.CodeTokenRevoked)
	s.client.guess(bob.email, password).problem(errors.CodeInvalidCredentials)
	assert.Equal(t, http.StatusOK, s.client.guess(bob.email, next).status)
	events := owner.trail("?actor_id=" + bob.userID)
	assert.Contains(t, events, "password_changed")
	assert.Contains(t, events, "login_failed")

	for range 3 {
		bob.changePassword("a wrong password", next).problem(errors.CodeValidation)
	}
	bob.changePassword(next, password).problem(errors.CodeRateLimitExceeded)
	_, key := owner.key("users:read")
	owner.withKey(key, "POST", "/v1/me/password", map[string]any{"current_password": password, "new_password": next}).problem(errors.CodeAuthorization)
	for _, secret := range []string{password, next} {
		assert.NotContains(t, s.dump(), secret)
	}
}

func TestLockoutStopsGuessing(t *testing.T) {
	t.Parallel()
	s := start(t, env{"AUTH_MAX_FAILURES": "3", "AUTH_LOCKOUT": "10m"})
	ada, bob := s.client.register(), s.client.register()
	nobody := uuid.NewString() + "@example.com"
	for _, email := range []string{ada.email, nobody} { // the lockout must not reveal whether an account exists
		for range 3 {
			s.client.guess(email, "a wrong password").problem(errors.CodeInvalidCredentials)
		}
		res := s.client.guess(email, password)
		res.problem(errors.CodeRateLimitExceeded)
		seconds, err := strconv.Atoi(res.header.Get("Retry-After"))
		require.NoError(t, err)
		assert.InDelta(t, 600, seconds, 10)
	}
	assert.Equal(t, http.StatusOK, bob.login().get("/v1/me").status, "other accounts must not be locked")
	s.awaitThat(t, "account_locked", func(line map[string]any) bool { return line["audit"] == true && line["level"] == "warning" })

	restarted := startOn(t, s.dsn, env{"AUTH_MAX_FAILURES": "3", "AUTH_LOCKOUT": "10m"})
	restarted.client.guess(ada.email, password).problem(errors.CodeRateLimitExceeded)
}

func TestLoginResetsFailures(t *testing.T) {
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

// Parallel guesses must be counted before the password is checked.
func TestParallelLoginGuessesAreCounted(t *testing.T) {
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
	assert.EqualValues(t, 5, seen.Load(), "number of checked guesses")
}

func TestAddressLockout(t *testing.T) {
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
	for range 4 { // a different account each time
		from("203.0.113.7", uuid.NewString()+"@example.com", "a wrong password").problem(errors.CodeInvalidCredentials)
	}
	from("203.0.113.7", ada.email, password).problem(errors.CodeRateLimitExceeded)
	assert.Equal(t, http.StatusOK, from("203.0.113.8", ada.email, password).status)
}

// Anybody may send bodies to these routes, which need little: 16 KiB at most.
func TestCredentialRoutesRefuseLargeBodies(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	ada := s.client.register()
	large := `{"email":"` + strings.Repeat("a", 16<<10) + `"}`
	for _, path := range []string{
		"/v1/auth/register", "/v1/auth/login", "/v1/auth/refresh", "/v1/auth/logout", "/v1/auth/logout-all", "/v1/me/password",
	} {
		res := ada.do(request{method: "POST", path: path, body: large})
		assert.Equal(t, 413, res.status, path)
		assert.Equal(t, "PAYLOAD_TOO_LARGE", res.text("code"), path)
	}
	ada.post(resources, newResource(strings.Repeat("a", 20<<10))).problem(errors.CodeValidation) // read, and too long a name
}
