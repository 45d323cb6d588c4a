package identity_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/app/audit"
	"github.com/netrun-systems/go-service-template/internal/app/identity"
	"github.com/netrun-systems/go-service-template/internal/app/session"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

func TestMain(m *testing.M) { platformtest.Main(m) }

// trail is an audit trail that a test can read.
type trail struct {
	*audit.Recorder
	pool *db.Pool

	mu      sync.Mutex
	entries []entry
}

// entry is an entry and the tenant whose trail it is in, "" for that of the system.
type entry struct {
	audit.Entry
	tenant string
}

func (t *trail) Record(ctx context.Context, e audit.Entry) error {
	if err := t.Recorder.Record(ctx, e); err != nil {
		return err
	}
	tenant, err := db.One[string](ctx, t.pool, `select coalesce(current_setting('app.tenant_id', true), '')`)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.entries = append(t.entries, entry{e, tenant})
	return err
}

func (t *trail) of(event string) (list []entry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range t.entries {
		if e.Event == event {
			list = append(list, e)
		}
	}
	return list
}

type service struct {
	*identity.Service
	pool   *db.Pool
	trail  *trail
	client *impatient

	mu     sync.Mutex
	limits identity.Limits
}

func (s *service) setLimits(l identity.Limits) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limits = l
}

func (s *service) currentLimits() identity.Limits {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.limits
}

// impatient is a client who goes as soon as the password has been looked at.
type impatient struct {
	identity.Passwords
	leave func()
}

func (p *impatient) VerifyPassword(ctx context.Context, hash, password string) (ok, needsRehash bool, err error) {
	ok, needsRehash, err = p.Passwords.VerifyPassword(ctx, hash, password)
	if p.leave != nil {
		p.leave()
	}
	return ok, needsRehash, err
}

func newService(t testing.TB, pool *db.Pool, options auth.PasswordOptions) *service {
	t.Helper()
	issuer, err := auth.NewIssuer(apptest.Keyring(), auth.IssuerOptions{Issuer: "test", Audience: "test", Policy: access.Policy, TTL: 15 * time.Minute})
	require.NoError(t, err)
	passwords, err := auth.NewPasswords(options)
	require.NoError(t, err)
	client := &impatient{Passwords: passwords}
	s := &service{pool: pool, client: client, trail: &trail{Recorder: audit.NewRecorder(pool), pool: pool}, limits: identity.Limits{MaxFailures: 5, MaxFailuresPerAddress: 50, Lockout: 15 * time.Minute}}
	sessions := session.NewService(session.Options{
		Pool: pool, Issuer: issuer, Audit: s.trail, Revocations: auth.NewRevocations(auth.RevocationsOptions{}),
		Config: session.Config{RefreshTokenTTL: 720 * time.Hour, TTL: 2160 * time.Hour, RefreshGrace: 10 * time.Second},
	})
	s.Service = identity.NewService(identity.Options{Pool: pool, Passwords: client, Sessions: sessions, Audit: s.trail, Limits: s.currentLimits})
	return s
}

// cheap is the least that a hash may cost, for tests that make many.
var cheap = auth.PasswordOptions{MemoryKiB: 7168, Passes: 5}

// one returns a service on a database of its own.
func one(t testing.TB) (*service, *apptest.Database) {
	t.Helper()
	d := apptest.NewDatabase(t)
	return newService(t, d.Pool, cheap), d
}

const (
	password = "violet harbour four lanterns"
	wrong    = "violet harbour five lanterns"
)

var here = session.Client{RemoteIP: "192.0.2.7", UserAgent: "Laptop/1"}

func (s *service) register(t testing.TB) identity.User {
	t.Helper()
	u, tokens, err := s.Register(t.Context(), identity.Registration{TenantName: "T", Email: uuid.NewString() + "@example.com", Password: password}, here)
	require.NoError(t, err)
	require.NotEmpty(t, tokens.RefreshToken)
	return u
}

func (s *service) login(t testing.TB, email string, secret logging.Secret, from session.Client) error {
	t.Helper()
	_, err := s.Login(t.Context(), identity.Credentials{Email: email, Password: secret}, from)
	return err
}

// fails logs in with a wrong password.
func (s *service) fails(t testing.TB, email string, from session.Client, code errors.Code) {
	t.Helper()
	err := s.login(t, email, wrong, from)
	require.True(t, errors.HasCode(err, code), "%v", err)
}
