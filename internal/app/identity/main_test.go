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
	"github.com/netrun-systems/go-service-template/internal/platform/server"
)

func TestMain(m *testing.M) { platformtest.Main(m) }

// service is the service with limits and password checks that a test controls.
type service struct {
	*identity.Service
	pool        *db.Pool
	hasher      identity.Passwords
	sessions    *session.Service
	trail       *audit.Trail
	isBusy      func() bool // whether the queue is full for a password check, if set
	afterVerify func()      // runs after each password check, if set

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

type passwords struct {
	identity.Passwords
	service *service
}

func (p passwords) VerifyPassword(ctx context.Context, hash, password string) (ok, needsRehash bool, err error) {
	if p.service.isBusy != nil && p.service.isBusy() {
		return false, false, errors.Overloaded(nil, time.Second)
	}
	ok, needsRehash, err = p.Passwords.VerifyPassword(ctx, hash, password)
	if p.service.afterVerify != nil {
		p.service.afterVerify()
	}
	return ok, needsRehash, err
}

func newService(t testing.TB, pool *db.Pool, cost auth.PasswordConfig) *service {
	t.Helper()
	return newServiceWith(t, pool, cost, func(p identity.Passwords) identity.Passwords { return p })
}

// newServiceWith is newService with what first makes of the password hasher for registrations.
func newServiceWith(
	t testing.TB, pool *db.Pool, cost auth.PasswordConfig, first func(identity.Passwords) identity.Passwords,
) *service {
	t.Helper()
	issuer, err := auth.NewIssuer(apptest.Keyring(), auth.IssuerOptions{Issuer: "test", Audience: "test", Policy: access.Policy, TTL: 15 * time.Minute})
	require.NoError(t, err)
	hasher, err := auth.NewPasswords(cost)
	require.NoError(t, err)
	recorder := audit.NewTrail(pool)
	cfg := session.Config{RefreshTokenTTL: 720 * time.Hour, TTL: 2160 * time.Hour, RefreshGrace: 10 * time.Second}
	sessions := session.NewService(pool, issuer, recorder, auth.NewRevocations(nil), cfg, 0)
	s := &service{pool: pool, hasher: hasher, sessions: sessions, trail: recorder, limits: identity.Limits{MaxFailures: 5, MaxFailuresPerAddress: 50, Lockout: 15 * time.Minute}}
	s.Service = identity.NewService(pool, passwords{hasher, s}, first(hasher), sessions, recorder, s.currentLimits)
	return s
}

// event is an audit entry. Its tenant is zero in the system trail.
type event struct {
	tenant, actor, session           uuid.UUID
	reason, targetType, targetID, ip string
}

// events returns the audit entries with a name, oldest first.
func events(t testing.TB, d *apptest.Database, name string) (list []event) {
	t.Helper()
	rows, err := d.Superuser.QueryContext(t.Context(), `
		select coalesce(tenant_id, $2), coalesce(actor_id, $2), coalesce(session_id, $2), coalesce(reason, ''),
			coalesce(target_type, ''), coalesce(target_id, ''), coalesce(remote_ip, '')
		from audit_events where event = $1 order by occurred_at, id`, name, uuid.Nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	for rows.Next() {
		var e event
		require.NoError(t, rows.Scan(&e.tenant, &e.actor, &e.session, &e.reason, &e.targetType, &e.targetID, &e.ip))
		list = append(list, e)
	}
	require.NoError(t, rows.Err())
	return list
}

// cheap is the lowest password cost that is allowed, for tests that hash many.
var cheap = auth.PasswordConfig{Argon2Memory: 7168, Argon2Passes: 5, Argon2Lanes: 1}

// one returns a service on its own database.
func one(t testing.TB) (*service, *apptest.Database) {
	t.Helper()
	d := apptest.NewDatabase(t)
	return newService(t, d.Pool, cheap), d
}

const (
	password = "violet harbour four lanterns"
	wrong    = "violet harbour five lanterns"
)

var here = server.Client{RemoteIP: "192.0.2.7", UserAgent: "Laptop/1"}

func (s *service) register(t testing.TB) identity.User {
	t.Helper()
	u, tokens, err := s.Register(server.WithClient(t.Context(), here), identity.RegisterRequest{TenantName: "T", Email: uuid.NewString() + "@example.com", Password: password})
	require.NoError(t, err)
	require.NotEmpty(t, tokens.RefreshToken)
	return u
}

func (s *service) login(t testing.TB, email string, secret logging.Secret, from server.Client) error {
	t.Helper()
	_, err := s.Login(server.WithClient(t.Context(), from), identity.LoginRequest{Email: email, Password: secret})
	return err
}

// fails logs in with a wrong password.
func (s *service) fails(t testing.TB, email string, from server.Client, code errors.Code) {
	t.Helper()
	err := s.login(t, email, wrong, from)
	require.True(t, errors.HasCode(err, code), "%v", err)
}
