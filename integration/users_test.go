package integration

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// user runs a command of an operator on the database of s. It does not know the signing key.
func (s *service) user(t testing.TB, input, command string, args ...string) ran {
	t.Helper()
	e := env{"APP_ENVIRONMENT": "testing", "DATABASE_URL": s.dsn}
	return runWithInput(t, t.TempDir(), e, input, append([]string{"user", command}, args...)...)
}

// systemTrail returns the entries of commands in the system's audit trail, oldest first.
func systemTrail(t testing.TB, dsn string) []string {
	t.Helper()
	return names(t, dsn, `
		select event || ' ' || coalesce(target_id, '') from audit_events
		where tenant_id is null and reason = 'command_line' and actor_id is null order by occurred_at, id`)
}

func TestOperatorListsAndUnlocksAccounts(t *testing.T) {
	t.Parallel()
	s := start(t, env{"AUTH_MAX_FAILURES": "3", "HTTP_TRUSTED_PROXIES": "127.0.0.1/32"})
	ada, bob := s.client.register(), s.client.register()
	from := func(address, email, secret string) response {
		return s.client.do(request{
			method: "POST", path: "/v1/auth/login", header: map[string]string{"X-Forwarded-For": address},
			body: map[string]any{"email": email, "password": secret},
		})
	}
	lock := func(address, email string) {
		for range 3 {
			from(address, email, "a wrong password").problem(errors.CodeInvalidCredentials)
		}
		from(address, email, password).problem(errors.CodeRateLimitExceeded)
	}
	const home, elsewhere = "203.0.113.7", "203.0.113.8"
	require.Equal(t, http.StatusOK, from(home, ada.email, password).status)
	lock(home, ada.email)
	lock(elsewhere, ada.email)
	lock(elsewhere, bob.email)

	type account struct {
		ID          string
		Email       string
		Verified    bool
		LockedUntil *time.Time `json:"locked_until"`
		Tenants     []map[string]string
	}
	list := func(args ...string) (accounts []account) {
		res := s.user(t, "", "list", append(args, "--format", "json")...)
		require.Zero(t, res.code, res.stderr)
		require.NoError(t, json.Unmarshal([]byte(res.stdout), &accounts), res.stdout)
		return accounts
	}
	one := list("--email", " "+ada.email)
	require.Len(t, one, 1)
	assert.Equal(t, ada.userID, one[0].ID)
	assert.Equal(t, []map[string]string{{"tenant_id": ada.tenantID, "role": "owner"}}, one[0].Tenants)
	require.NotNil(t, one[0].LockedUntil)
	assert.WithinDuration(t, time.Now().Add(15*time.Minute), *one[0].LockedUntil, time.Minute)
	first := list("--limit", "1")
	require.Len(t, first, 1)
	second := list("--after", first[0].Email)
	require.Len(t, second, 1)
	assert.ElementsMatch(t, []string{ada.email, bob.email}, []string{first[0].Email, second[0].Email})

	require.Equal(t, ada.userID+"\n", s.user(t, "", "unlock", "--email", ada.email).stdout)
	assert.Nil(t, list("--email", ada.email)[0].LockedUntil)
	assert.Equal(t, http.StatusOK, from(home, ada.email, password).status, "where the account has logged in before")
	assert.Equal(t, http.StatusOK, from(elsewhere, ada.email, password).status)
	from(elsewhere, bob.email, password).problem(errors.CodeRateLimitExceeded)
	assert.Contains(t, s.user(t, "", "list").stdout, "owner of "+bob.tenantID)
	assert.Equal(t, []string{
		"accounts_listed " + ada.userID, "accounts_listed ", "accounts_listed ", "account_unlocked " + ada.userID,
		"accounts_listed " + ada.userID, "accounts_listed ",
	}, systemTrail(t, s.dsn))
}

func TestOperatorSetsPassword(t *testing.T) {
	t.Parallel()
	s := start(t, env{"AUTH_MAX_FAILURES": "3"})
	ada := s.client.register()
	other := ada.login()
	const next = "amber harbour seven lanterns"
	for name, input := range map[string]string{
		"weak": "password1234\n", "two lines": next + "\n" + next + "\n", "none": "", "short": "a\n",
	} {
		res := s.user(t, input, "set-password", "--email", ada.email)
		assert.Equal(t, 2, res.code, "%s: %s", name, res.stderr)
		assert.NotContains(t, res.stderr, "password1234")
		assert.Contains(t, res.stderr, "password", name)
	}
	require.Equal(t, http.StatusOK, other.get("/v1/me").status, "a refused password changes nothing")
	for range 3 {
		s.client.post("/v1/auth/login", map[string]any{"email": ada.email, "password": "a wrong password"})
	}

	res := s.user(t, next+"\r\n", "set-password", "--email", ada.email)
	require.Zero(t, res.code, res.stderr)
	assert.Equal(t, ada.userID+"\n", res.stdout)
	assert.NotContains(t, res.stderr, next)
	for _, c := range []client{ada, other} {
		awaitRevoked(t, c)
		c.refreshWith(c.refresh).problem(errors.CodeTokenRevoked)
	}
	s.client.guess(ada.email, password).problem(errors.CodeInvalidCredentials)
	login := s.client.guess(ada.email, next)
	require.Equal(t, http.StatusOK, login.status, "not locked any more")
	assert.Equal(t, []string{"password_changed " + ada.userID}, systemTrail(t, s.dsn))
	ada.token, _ = login.tokens()
	revoked := ada.get("/v1/audit?event=session_revoked").value("items").([]any)
	require.Len(t, revoked, 2)
	assert.Nil(t, revoked[0].(map[string]any)["actor_id"], "the operator has no account")
}

func TestOperatorDeletesAccount(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	owner := s.client.register()
	bob := owner.member("admin")
	bob.create("bob's")
	_, key := bob.key("users:read")
	refused := s.user(t, "", "delete", "--email", owner.email)
	assert.Equal(t, 1, refused.code)
	assert.Contains(t, refused.stderr, owner.tenantID)
	assert.Contains(t, refused.stderr, "at least one owner")
	assert.Equal(t, http.StatusOK, owner.get("/v1/me").status)

	require.Equal(t, bob.userID+"\n", s.user(t, "", "delete", "--email", bob.email).stdout)
	awaitRevoked(t, bob)
	bob.withKey(key, "GET", "/v1/users", nil).problem(errors.CodeTokenInvalid)
	s.client.guess(bob.email, password).problem(errors.CodeInvalidCredentials)
	owner.get("/v1/users/" + bob.userID).problem(errors.CodeNotFound)
	assert.Equal(t, []string{"account_deleted"}, owner.get("/v1/audit?event=member_removed").items("reason"))
	assert.Empty(t, names(t, s.dsn, `select email from users where email = $1`, bob.email))
	assert.Equal(t, []string{"deleted:" + bob.userID}, names(t, s.dsn,
		`select email || display_name || password_hash from users where id = $1`, bob.userID))
	for _, table := range []string{"members", "sessions", "api_keys"} {
		assert.Empty(t, names(t, s.dsn, "select user_id from "+table+" where user_id = $1", bob.userID), table)
	}
	again := s.client.post("/v1/auth/register", map[string]any{"tenant_name": "T", "email": bob.email, "password": password})
	assert.Equal(t, http.StatusCreated, again.status, "the email is free")
	assert.Equal(t, []string{"account_deleted " + bob.userID}, systemTrail(t, s.dsn))
	assert.NotContains(t, s.user(t, "", "list").stdout, bob.userID)
	assert.Equal(t, 2, s.user(t, "", "delete", "--email", "deleted:"+bob.userID).code)

	alone := s.user(t, "", "delete", "--email", owner.email)
	assert.Equal(t, owner.userID+"\n", alone.stdout, "the tenant has no other member: %s", alone.stderr)
	awaitRevoked(t, owner)
}

// awaitRevoked waits until the service has heard of a revocation by a command.
func awaitRevoked(t testing.TB, c client) {
	t.Helper()
	deadline := time.Now().Add(time.Second)
	for c.get("/v1/me").status != http.StatusUnauthorized && time.Now().Before(deadline) {
		time.Sleep(10 * time.Millisecond)
	}
	c.get("/v1/me").problem(errors.CodeTokenRevoked)
}

func TestOperatorCommandsNeedAnAccount(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	for _, command := range []string{"verify", "unlock", "set-password", "delete", "list"} {
		unknown := s.user(t, password+"\n", command, "--email", uuid.NewString()+"@example.com")
		assert.Equal(t, 1, unknown.code, command)
		assert.Contains(t, unknown.stderr, "There is no account with this email", command)
		bad := s.user(t, password+"\n", command, "--email", "nobody")
		assert.Equal(t, 2, bad.code, command)
		assert.Contains(t, bad.stderr, "--email must be an email address", command)
	}
	assert.Equal(t, 2, s.user(t, "", "list", "--limit", "0").code)
	assert.Equal(t, 2, s.user(t, "", "delete").code)
	assert.Empty(t, systemTrail(t, s.dsn))
}
