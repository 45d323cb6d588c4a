package session_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/app/audit"
	"github.com/netrun-systems/go-service-template/internal/app/session"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
	"github.com/netrun-systems/go-service-template/internal/platform/server"
)

func TestMain(m *testing.M) { platformtest.Main(m) }

// trail is an audit trail that a test can read.
type trail struct {
	mu      sync.Mutex
	entries []audit.Entry
}

func (t *trail) Record(_ context.Context, e audit.Entry) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.entries = append(t.entries, e)
	return nil
}

func (t *trail) of(event string) (list []audit.Entry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range t.entries {
		if e.Event == event {
			list = append(list, e)
		}
	}
	return list
}

// replica is one process of the service.
type replica struct {
	*session.Service
	pool        *db.Pool
	revocations *auth.Revocations
	verifier    *auth.Verifier
	trail       *trail
	asked       *atomic.Int64 // how often the database was asked about one session
}

// complete reports whether the list of r answers without the database.
func (r *replica) complete(t testing.TB) bool {
	t.Helper()
	before := r.asked.Load()
	_, err := r.revocations.Check(t.Context(), auth.Principal{SessionID: uuid.New()})
	return err == nil && r.asked.Load() == before
}

// listed reports whether the list of r itself holds the session.
func (r *replica) listed(t testing.TB, id uuid.UUID) bool {
	t.Helper()
	before := r.asked.Load()
	revoked, err := r.revocations.Check(t.Context(), auth.Principal{SessionID: id})
	require.NoError(t, err)
	return revoked && r.asked.Load() == before
}

func newReplica(t testing.TB, pool *db.Pool, edits ...func(*session.Config)) *replica {
	t.Helper()
	issuer, err := auth.NewIssuer(apptest.Keyring(), auth.IssuerOptions{Issuer: "test", Audience: "test", Policy: access.Policy, TTL: 15 * time.Minute})
	require.NoError(t, err)
	asked, lookup := &atomic.Int64{}, session.Lookup(pool)
	revocations := auth.NewRevocations(func(ctx context.Context, id uuid.UUID) (int64, bool, error) {
		asked.Add(1)
		return lookup(ctx, id)
	})
	verifier, err := auth.NewVerifier(apptest.Keyring(), auth.VerifierOptions{Issuer: "test", Audience: "test", Policy: access.Policy, Revoked: revocations.Check})
	require.NoError(t, err)
	cfg := session.Config{RefreshTokenTTL: 720 * time.Hour, TTL: 2160 * time.Hour, RefreshGrace: 10 * time.Second}
	for _, edit := range edits {
		edit(&cfg)
	}
	r := &replica{pool: pool, revocations: revocations, verifier: verifier, trail: &trail{}, asked: asked}
	r.Service = session.NewService(pool, issuer, r.trail, revocations, cfg, 30*time.Second)
	return r
}

// one returns a replica on a database of its own.
func one(t testing.TB, edits ...func(*session.Config)) (*replica, *apptest.Database) {
	t.Helper()
	d := apptest.NewDatabase(t)
	return newReplica(t, d.Pool, edits...), d
}

var laptop = server.Client{RemoteIP: "192.0.2.7", UserAgent: "Laptop/1"}

func (r *replica) open(t testing.TB, m auth.Principal) session.Tokens {
	t.Helper()
	tokens, err := r.Open(server.WithClient(t.Context(), laptop), m.TenantID, m.UserID)
	require.NoError(t, err)
	return tokens
}

func (r *replica) refresh(t testing.TB, tokens session.Tokens) session.Tokens {
	t.Helper()
	next, err := r.Refresh(server.WithClient(t.Context(), laptop), tokens.RefreshToken)
	require.NoError(t, err)
	return next
}

func (r *replica) refused(t testing.TB, tokens session.Tokens, code errors.Code) {
	t.Helper()
	_, err := r.Refresh(server.WithClient(t.Context(), laptop), tokens.RefreshToken)
	require.True(t, errors.HasCode(err, code), "%v", err)
}

// principal returns whom the access token is taken for.
func (r *replica) principal(t testing.TB, tokens session.Tokens) auth.Principal {
	t.Helper()
	p, err := r.verifier.Verify(t.Context(), tokens.AccessToken)
	require.NoError(t, err)
	return p
}

func (r *replica) stale(t testing.TB, tokens session.Tokens) {
	t.Helper()
	_, err := r.verifier.Verify(t.Context(), tokens.AccessToken)
	require.True(t, errors.HasCode(err, errors.CodeTokenRevoked), "%v", err)
}

func ids(list []session.Session) (ids []uuid.UUID) {
	for _, s := range list {
		ids = append(ids, s.ID)
	}
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	return ids
}
