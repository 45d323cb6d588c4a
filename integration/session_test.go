package integration

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

// revocationTime is how long a revoked session may go on being good anywhere.
const revocationTime = time.Second

func TestRefreshRotates(t *testing.T) {
	t.Parallel()
	s := start(t, env{"AUTH_REFRESH_GRACE": "0s"})
	ada := s.client.register()
	first := ada.refresh
	second := ada.mustRefresh()
	assert.NotEqual(t, first, second.refresh)
	assert.Equal(t, http.StatusOK, second.get("/v1/me").status)
	assert.Contains(t, second.get("/v1/me").value("permissions"), "notes:write", "a refreshed token may do what the first could")

	ada.refreshWith(first).problem(errors.CodeTokenRevoked)
	s.awaitThat(t, "refresh_reuse_detected", func(line map[string]any) bool { return line["audit"] == true && line["user_id"] == ada.userID })
	second.refreshWith(second.refresh).problem(errors.CodeTokenRevoked)
	second.get("/v1/me").problem(errors.CodeTokenRevoked)
	for _, token := range []string{first, second.refresh, second.token} {
		assert.NotContains(t, s.dump(), token, "no token in the log")
	}
}

func TestRefreshRefusesWhatIsNoRefreshToken(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	ada := s.client.register()
	ada.refreshWith("").problem(errors.CodeValidation)
	for name, token := range map[string]string{
		"junk": "junk", "access token": ada.token, "changed": ada.refresh[:len(ada.refresh)-4] + "AAAA",
		"line break": ada.refresh + "\n", "twice": ada.refresh + ada.refresh,
	} {
		res := ada.refreshWith(token)
		res.problem(errors.CodeTokenInvalid)
		assert.NotContains(t, string(res.body), token, name)
	}
	assert.Equal(t, http.StatusOK, ada.refreshWith(ada.refresh).status, "what was refused has not harmed the session")
	withBearer := client{t: t, base: ada.base, token: ada.refresh}
	withBearer.get("/v1/me").problem(errors.CodeTokenInvalid)
}

// Fifty requests with one refresh token, on two replicas: it is rotated once, and who comes late within the grace gets the
// same successor. After that, the first token is spent.
func TestRefreshRacedOnTwoReplicas(t *testing.T) {
	t.Parallel()
	key := signingKey(t)
	a := start(t, env{"AUTH_JWT_PRIVATE_KEY": key, "AUTH_REFRESH_GRACE": "30s"})
	b := startOn(t, a.dsn, env{"AUTH_JWT_PRIVATE_KEY": key, "AUTH_REFRESH_GRACE": "30s"})
	ada := a.client.register()
	var (
		all        sync.WaitGroup
		mu         sync.Mutex
		successors = map[string]int{}
	)
	for i := range 50 {
		replica := ada
		if i%2 == 1 {
			replica.base = b.client.base
		}
		all.Go(func() {
			res, err := replica.try(request{method: "POST", path: "/v1/auth/refresh", body: map[string]string{"refresh_token": ada.refresh}})
			if !assert.NoError(t, err) || !assert.Equal(t, http.StatusOK, res.status, string(res.body)) {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			successors[res.text("refresh_token")]++
		})
	}
	all.Wait()
	require.Len(t, successors, 1, "one token has one successor")
	assert.Equal(t, 50, successors[firstKey(successors)])

	next := ada.with(firstKey(successors)).mustRefresh()
	ada.refreshWith(ada.refresh).problem(errors.CodeTokenRevoked)
	next.refreshWith(next.refresh).problem(errors.CodeTokenRevoked)
}

func firstKey(m map[string]int) string {
	for key := range m {
		return key
	}
	return ""
}

func TestLogoutEndsTheSession(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	ada := s.client.register()
	other := ada.login()
	assert.Equal(t, http.StatusNoContent, ada.post("/v1/auth/logout", nil).status)
	ada.get("/v1/me").problem(errors.CodeTokenRevoked)
	ada.refreshWith(ada.refresh).problem(errors.CodeTokenRevoked)
	assert.Equal(t, http.StatusOK, other.get("/v1/me").status, "the other session goes on")

	third := ada.login()
	assert.Equal(t, http.StatusNoContent, third.post("/v1/auth/logout-all", nil).status)
	for _, c := range []client{other, third} {
		c.get("/v1/me").problem(errors.CodeTokenRevoked)
		c.refreshWith(c.refresh).problem(errors.CodeTokenRevoked)
	}
	assert.Equal(t, http.StatusOK, ada.login().get("/v1/me").status)
}

func TestSessionsAreListedAndEnded(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	ada, bob := s.client.register(), s.client.register()
	second := ada.login()
	items := ada.get("/v1/auth/sessions").value("items").([]any)
	require.Len(t, items, 2)
	current, other := "", ""
	for _, item := range items {
		one := item.(map[string]any)
		if one["current"] == true {
			current = one["id"].(string)
		} else {
			other = one["id"].(string)
		}
	}
	require.NotEmpty(t, current)
	require.NotEmpty(t, other)
	bob.do(request{method: "DELETE", path: "/v1/auth/sessions/" + other}).problem(errors.CodeNotFound)
	bob.do(request{method: "DELETE", path: "/v1/auth/sessions/not-an-id"}).problem(errors.CodeValidation)
	assert.Equal(t, http.StatusNoContent, ada.do(request{method: "DELETE", path: "/v1/auth/sessions/" + other}).status)
	second.get("/v1/me").problem(errors.CodeTokenRevoked)
	assert.Equal(t, http.StatusOK, ada.get("/v1/me").status)
	assert.Len(t, ada.get("/v1/auth/sessions").value("items"), 1)
}

func TestRevocationReachesTheOtherReplica(t *testing.T) {
	t.Parallel()
	key := signingKey(t)
	a := start(t, env{"AUTH_JWT_PRIVATE_KEY": key})
	b := startOn(t, a.dsn, env{"AUTH_JWT_PRIVATE_KEY": key})
	ada := a.client.register()
	onB := ada
	onB.base = b.client.base
	for range 3 { // so that B remembers the token
		require.Equal(t, http.StatusOK, onB.get("/v1/me").status)
	}
	require.Equal(t, http.StatusNoContent, ada.post("/v1/auth/logout", nil).status)
	platformtest.Eventually(t, revocationTime, func() error {
		if res := onB.get("/v1/me"); res.status != http.StatusUnauthorized {
			return errors.Sentinel("replica B still takes the token")
		}
		return nil
	})
	onB.get("/v1/me").problem(errors.CodeTokenRevoked)
}

// While the database is away nobody can be let in, and what was revoked meanwhile is known when it is back.
func TestRevocationSurvivesARestartOfTheDatabase(t *testing.T) {
	t.Parallel()
	server := platformtest.NewPrivateServer(t)
	key := signingKey(t)
	a := startOn(t, server.DSN(), env{"AUTH_JWT_PRIVATE_KEY": key})
	b := startOn(t, server.DSN(), env{"AUTH_JWT_PRIVATE_KEY": key})
	ada, bob := a.client.register(), a.client.register()
	onB := ada
	onB.base = b.client.base
	require.Equal(t, http.StatusOK, onB.get("/v1/me").status)
	require.Equal(t, http.StatusNoContent, ada.post("/v1/auth/logout", nil).status)

	server.Kill(t)
	server.Start(t)
	bobOnB := bob
	bobOnB.base = b.client.base
	platformtest.Eventually(t, soon, func() error {
		if res := bobOnB.get("/v1/me"); res.status != http.StatusOK {
			return errors.Sentinel("replica B is not back")
		}
		return nil
	})
	for range 20 {
		onB.get("/v1/me").problem(errors.CodeTokenRevoked)
	}
}
