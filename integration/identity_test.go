package integration

import (
	"net/http"
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
	ada := client{t: t, base: s.client.base, token: login.text("access_token")}
	me := ada.get("/v1/me")
	assert.Equal(t, res.text("user.id"), me.text("id"))
	assert.Equal(t, "Analytical Engines", me.text("tenant_name"))
	assert.Contains(t, me.value("permissions"), "notes:write")

	s.client.post("/v1/auth/register", map[string]any{"tenant_name": "Other", "email": "ADA@example.com", "password": password}).
		problem(errors.CodeConflict)
	s.client.post("/v1/auth/login", map[string]any{"email": "ada@example.com", "password": password, "tenant_id": uuid.NewString()}).
		problem(errors.CodeTenantAccessDenied)
}

func TestLoginDoesNotTellWhoExists(t *testing.T) {
	t.Parallel()
	s := start(t, env{"AUTH_MAX_FAILURES": "100", "AUTH_MAX_FAILURES_PER_ADDRESS": "1000"})
	ada := s.client.register()
	attempt := func(email string) (response, time.Duration) {
		begin := time.Now()
		res := s.client.post("/v1/auth/login", map[string]any{"email": email, "password": "not the password at all"})
		return res, time.Since(begin)
	}
	var known, unknown time.Duration // the fastest of several, of more where the machine is busy
	const least, most = 5, 25
	alike := func() bool { ratio := unknown.Seconds() / known.Seconds(); return ratio > 0.5 && ratio < 1.5 }
	attempts := 0
	for attempts < least || attempts < most && !alike() {
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

func TestRegistrationIsChecked(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	res := s.client.post("/v1/auth/register", map[string]any{"tenant_name": " ", "email": "no-address", "password": "short"})
	res.problem(errors.CodeValidation)
	assert.ElementsMatch(t, []string{"tenant_name", "email", "password"}, res.fields(), "all problems at once")
	for field, value := range map[string]any{
		"tenant_name": "a\x00b", "email": "a@b@c", "password": "password1234", "display_name": string(make([]rune, 200)),
	} {
		body := map[string]any{"tenant_name": "T", "email": uuid.NewString() + "@example.com", "password": password, "display_name": "D"}
		body[field] = value
		res := s.client.post("/v1/auth/register", body)
		res.problem(errors.CodeValidation)
		assert.Equal(t, []string{field}, res.fields())
	}
	assert.NotContains(t, s.dump(), password, "no password in the log")
}

func TestTokenIsNeeded(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	ada := s.client.register()
	for _, r := range []request{
		{method: "GET", path: "/v1/me"},
		{method: "GET", path: "/v1/notes"},
		{method: "POST", path: "/v1/notes", body: "{}"},
		{method: "GET", path: "/v1/notes/" + uuid.NewString()},
		{method: "PATCH", path: "/v1/notes/" + uuid.NewString(), body: "{}"},
		{method: "DELETE", path: "/v1/notes/" + uuid.NewString()},
	} {
		s.client.do(r).problem(errors.CodeAuthRequired)
	}
	for name, token := range map[string]string{"changed": ada.token[:len(ada.token)-4] + "AAAA", "none": "e30.e30.", "junk": "x"} {
		c := client{t: t, base: s.client.base, token: token}
		c.get("/v1/me").problem(errors.CodeTokenInvalid)
		assert.NotContains(t, s.dump(), token+`"`, name)
	}
	assert.NotEmpty(t, s.events("token_rejected"))
}

func TestTokensAreGoodForEveryReplicaWithTheKey(t *testing.T) {
	t.Parallel()
	key := signingKey(t)
	a := start(t, env{"AUTH_JWT_PRIVATE_KEY": key})
	ada := a.client.register()
	b := startOn(t, a.dsn, env{"AUTH_JWT_PRIVATE_KEY": key})
	ada.base = b.client.base
	assert.Equal(t, http.StatusOK, ada.get("/v1/me").status)
	other := startOn(t, a.dsn, env{"AUTH_JWT_PRIVATE_KEY": signingKey(t)})
	ada.base = other.client.base
	ada.get("/v1/me").problem(errors.CodeTokenInvalid)
	audience := startOn(t, a.dsn, env{"AUTH_JWT_PRIVATE_KEY": key, "AUTH_JWT_AUDIENCE": "another-api"})
	ada.base = audience.client.base
	ada.get("/v1/me").problem(errors.CodeTokenInvalid)
}
