package app

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/ratelimit" // part:ratelimit
	"github.com/netrun-systems/go-service-template/internal/platform/server"
)

// discard is a response writer without storage, so that only the middleware is measured.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

// BenchmarkStack measures the whole middleware with a cached token. Subtract the result of bare.
func BenchmarkStack(b *testing.B) {
	g, token := benchGuard(b)
	core, err := logging.NewCore(logging.Options{App: "bench", Level: "info", Format: "json", Output: io.Discard})
	require.NoError(b, err)
	whole := server.NewEcho(server.Config{RequestTimeout: 30 * time.Second, BodyLimit: 1 << 20, BodyBudget: 64 << 20}, logging.New(core, "bench"))
	answer := func(c echo.Context) error { return c.NoContent(http.StatusNoContent) }
	guarded := func(c echo.Context, _ auth.Principal) error { return answer(c) }
	for _, bench := range []struct {
		name     string
		echo     *echo.Echo
		endpoint endpoint
	}{{"bare", echo.New(), public(answer)}, {"guard", echo.New(), may(access.UsersRead, guarded)}, {"whole", whole, may(access.UsersRead, guarded)}} {
		require.NoError(b, g.register(bench.echo, []Route{{http.MethodGet, "/users/:id", bench.endpoint}}))
		b.Run(bench.name, func(b *testing.B) {
			r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/users/7", nil)
			r.Header.Set(echo.HeaderAuthorization, "Bearer "+token)
			recorder := httptest.NewRecorder()
			bench.echo.ServeHTTP(recorder, r)
			require.Equal(b, http.StatusNoContent, recorder.Code)
			w := discard{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				bench.echo.ServeHTTP(w, r)
			}
		})
	}
}

func benchGuard(b *testing.B) (g guard, token string) {
	b.Helper()
	key, err := auth.GenerateKey(auth.RS256)
	require.NoError(b, err)
	keys, err := auth.NewKeySet(auth.RS256, key)
	require.NoError(b, err)
	ring := auth.NewKeyring(keys)
	issuer, err := auth.NewIssuer(ring, auth.IssuerOptions{Issuer: "bench", Audience: "bench", Policy: access.Policy, TTL: time.Hour})
	require.NoError(b, err)
	revocations := auth.NewRevocations(nil)
	revocations.Connected(true)
	revocations.Alive(time.Now().Add(time.Hour))
	verifier, err := auth.NewVerifier(ring, auth.VerifierOptions{Issuer: "bench", Audience: "bench", Policy: access.Policy, Revoked: revocations.Check})
	require.NoError(b, err)
	who := auth.Principal{UserID: uuid.New(), TenantID: uuid.New(), SessionID: uuid.New(), Roles: []auth.Role{access.RoleMember}}
	token, _, err = issuer.IssueUntil(who, time.Time{})
	require.NoError(b, err)
	g = guard{authenticate: auth.Authenticate(auth.Authentication{Verifier: verifier, Scope: tenantScope})}
	// part:ratelimit begin
	g.requests, err = ratelimit.New(ratelimit.Config{Rate: 1e6, Period: time.Second}, logging.Logger{})
	require.NoError(b, err)
	g.authenticate = g.requests.Failures(g.authenticate)
	// part:ratelimit end
	return g, token
}
