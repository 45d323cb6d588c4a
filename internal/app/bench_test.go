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
	"github.com/netrun-systems/go-service-template/internal/app/audit"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/server"
)

// discard is a response that keeps nothing, so that only the middleware is measured.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

// BenchmarkStack is what a request pays until its handler runs and after it has: all middleware of the service, with a token
// that has been seen before. Subtract the bare one.
func BenchmarkStack(b *testing.B) {
	g, token := benchGuard(b)
	core, err := logging.NewCore(logging.Options{App: "bench", Level: "info", Format: "json", Output: io.Discard})
	require.NoError(b, err)
	whole := server.NewEcho(server.Config{RequestTimeout: 30 * time.Second, BodyLimit: 1 << 20}, logging.New(core, "bench"))
	whole.Use(audit.Middleware)
	for _, bench := range []struct {
		name      string
		echo      *echo.Echo
		condition condition
	}{{"bare", echo.New(), public}, {"guard", echo.New(), may(access.NotesRead)}, {"whole", whole, may(access.NotesRead)}} {
		g.register(bench.echo, []route{{http.MethodGet, "/notes/:id", bench.condition, func(c echo.Context) error { return c.NoContent(http.StatusNoContent) }}})
		b.Run(bench.name, func(b *testing.B) {
			r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/notes/7", nil)
			r.Header.Set(echo.HeaderAuthorization, "Bearer "+token)
			answer := httptest.NewRecorder()
			bench.echo.ServeHTTP(answer, r)
			require.Equal(b, http.StatusNoContent, answer.Code)
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
	revocations := auth.NewRevocations(auth.RevocationsOptions{})
	revocations.Connected(true)
	verifier, err := auth.NewVerifier(ring, auth.VerifierOptions{Issuer: "bench", Audience: "bench", Policy: access.Policy, Revoked: revocations.Check})
	require.NoError(b, err)
	who := auth.Principal{UserID: uuid.New(), TenantID: uuid.New(), SessionID: uuid.New(), Roles: []auth.Role{access.RoleMember}}
	token, _, err = issuer.Issue(who)
	require.NoError(b, err)
	return guard{authenticate: auth.Authenticate(auth.Authentication{Verifier: verifier})}, token
}
