package integration

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

// revocationTime is the maximum time until every replica rejects the tokens of a revoked session.
const revocationTime = time.Second

func TestRefreshTokenReuseRevokesSession(t *testing.T) {
	t.Parallel()
	s := start(t, env{"AUTH_REFRESH_GRACE": "0s"})
	ada := s.client.register()
	first := ada.refresh
	second := ada.mustRefresh()
	assert.NotEqual(t, first, second.refresh)
	assert.Equal(t, http.StatusOK, second.get("/v1/me").status)
	assert.Contains(t, second.get("/v1/me").value("permissions"), writePermission, "permissions after a refresh")

	ada.refreshWith(first).problem(errors.CodeTokenRevoked)
	s.awaitThat(t, "refresh_reuse_detected", func(line map[string]any) bool {
		return line["audit"] == true && line["user_id"] == ada.userID && line["reason"] == "reused_refresh_token"
	})
	second.refreshWith(second.refresh).problem(errors.CodeTokenRevoked)
	second.get("/v1/me").problem(errors.CodeTokenRevoked)
	for _, token := range []string{first, second.refresh, second.token} {
		assert.NotContains(t, s.dump(), token, "the log must not contain tokens")
	}
}

func TestInvalidRefreshTokenIsRejected(t *testing.T) {
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
	assert.Equal(t, http.StatusOK, ada.refreshWith(ada.refresh).status, "rejected tokens must not end the session")
	withBearer := client{t: t, base: ada.base, token: ada.refresh}
	withBearer.get("/v1/me").problem(errors.CodeTokenInvalid)
}

// Fifty requests exchange the same refresh token on two replicas. The first one rotates it, and the
// others get the same successor within the grace period. After the successor was used, the first
// token counts as reused.
func TestConcurrentRefreshOnTwoReplicas(t *testing.T) {
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
			successors[res.text("tokens.refresh_token")]++
		})
	}
	all.Wait()
	require.Len(t, successors, 1, "number of successors")
	next := ada
	for next.refresh = range successors {
		assert.Equal(t, 50, successors[next.refresh])
	}
	next = next.mustRefresh()
	ada.refreshWith(ada.refresh).problem(errors.CodeTokenRevoked)
	next.refreshWith(next.refresh).problem(errors.CodeTokenRevoked)
}

func TestLogoutRevokesSession(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	ada := s.client.register()
	other := ada.login()
	assert.Equal(t, http.StatusNoContent, ada.post("/v1/auth/logout", nil).status)
	ada.get("/v1/me").problem(errors.CodeTokenRevoked)
	ada.refreshWith(ada.refresh).problem(errors.CodeTokenRevoked)
	assert.Equal(t, http.StatusOK, other.get("/v1/me").status, "the other session must stay valid")

	third := ada.login()
	assert.Equal(t, http.StatusNoContent, third.post("/v1/auth/logout-all", nil).status)
	for _, c := range []client{other, third} {
		c.get("/v1/me").problem(errors.CodeTokenRevoked)
		c.refreshWith(c.refresh).problem(errors.CodeTokenRevoked)
	}
	assert.Equal(t, http.StatusOK, ada.login().get("/v1/me").status)
}

func TestListAndRevokeSessions(t *testing.T) {
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
	bob.delete("/v1/auth/sessions/" + other).problem(errors.CodeNotFound)
	bob.delete("/v1/auth/sessions/not-an-id").problem(errors.CodeValidation)
	assert.Equal(t, http.StatusNoContent, ada.delete("/v1/auth/sessions/"+other).status)
	second.get("/v1/me").problem(errors.CodeTokenRevoked)
	assert.Equal(t, http.StatusOK, ada.get("/v1/me").status)
	assert.Len(t, ada.get("/v1/auth/sessions").value("items"), 1)
}

func TestRevocationReachesOtherReplica(t *testing.T) {
	t.Parallel()
	key := signingKey(t)
	a := start(t, env{"AUTH_JWT_PRIVATE_KEY": key})
	b := startOn(t, a.dsn, env{"AUTH_JWT_PRIVATE_KEY": key})
	ada := a.client.register()
	onB := ada
	onB.base = b.client.base
	for range 3 { // B caches the token
		require.Equal(t, http.StatusOK, onB.get("/v1/me").status)
	}
	require.Equal(t, http.StatusNoContent, ada.post("/v1/auth/logout", nil).status)
	platformtest.Eventually(t, revocationTime, func() error {
		if res := onB.get("/v1/me"); res.status != http.StatusUnauthorized {
			return errors.Sentinel("replica B still accepts the token")
		}
		return nil
	})
	onB.get("/v1/me").problem(errors.CodeTokenRevoked)
}

// A replica whose database restarts must not accept tokens that were revoked before.
func TestRevocationSurvivesDatabaseRestart(t *testing.T) {
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
			return errors.Sentinel("replica B is not ready")
		}
		return nil
	})
	for range 20 {
		onB.get("/v1/me").problem(errors.CodeTokenRevoked)
	}
}

// A replica that was suspended has missed what was revoked meanwhile. The first requests that it serves
// then, which arrived while it was suspended, must be refused already.
func TestSuspendedReplicaRefusesRevokedTokens(t *testing.T) {
	t.Parallel()
	key := signingKey(t)
	a := start(t, env{"AUTH_JWT_PRIVATE_KEY": key})
	b := startOn(t, a.dsn, env{"AUTH_JWT_PRIVATE_KEY": key})
	for range 3 {
		ada := a.client.register()
		onB := ada
		onB.base = b.client.base
		require.Equal(t, http.StatusOK, onB.get("/v1/me").status) // B caches the token

		b.suspend(t)
		require.Equal(t, http.StatusNoContent, ada.post("/v1/auth/logout", nil).status)
		var conns []net.Conn
		for range 20 {
			conn, err := net.Dial("tcp", strings.TrimPrefix(b.client.base, "http://"))
			require.NoError(t, err)
			_, err = fmt.Fprintf(conn, "GET /v1/me HTTP/1.1\r\nHost: b\r\nAuthorization: Bearer %s\r\nConnection: close\r\n\r\n", ada.token)
			require.NoError(t, err)
			require.NoError(t, conn.SetReadDeadline(time.Now().Add(soon)))
			conns = append(conns, conn)
		}
		time.Sleep(revocationTime) // from then on the token must be refused everywhere
		b.signal(t, syscall.SIGCONT)
		for _, conn := range conns {
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			require.NoError(t, err)
			require.NoError(t, res.Body.Close())
			assert.Equal(t, http.StatusUnauthorized, res.StatusCode)
			assert.Contains(t, res.Header.Get("WWW-Authenticate"), "invalid_token")
			require.NoError(t, conn.Close())
		}
	}
}
