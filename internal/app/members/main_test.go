package members_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/app/audit"
	"github.com/netrun-systems/go-service-template/internal/app/members"
	"github.com/netrun-systems/go-service-template/internal/app/session"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

func TestMain(m *testing.M) { platformtest.Main(m) }

var _ members.Sessions = (*session.Service)(nil)

// sessions records its calls in the table asked, so that calls in a rolled back transaction do not
// count.
type sessions struct{ pool *db.Pool }

func (s sessions) Renew(ctx context.Context, user uuid.UUID) error {
	return s.note(ctx, user, "renewed")
}

func (s sessions) RevokeMember(ctx context.Context, _ auth.Principal, user uuid.UUID, reason string) error {
	// The sessions must end before the membership is deleted.
	if _, err := db.One[auth.Role](ctx, s.pool, `select role from members where user_id = $1`, user); err != nil {
		return err
	}
	return s.note(ctx, user, reason)
}

func (s sessions) note(ctx context.Context, user uuid.UUID, what string) error {
	_, err := db.Exec(ctx, s.pool, `insert into asked (user_id, what) values ($1, $2)`, user, what)
	return err
}

// hasher returns readable hashes.
type hasher struct{}

func (hasher) HashPassword(_ context.Context, password string) (string, error) {
	return "hash of " + password, nil
}

// fixture is the service on its own database.
type fixture struct {
	*members.Service
	*apptest.Database
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	d := apptest.NewDatabase(t)
	d.Exec(t, `create table asked (user_id uuid, what text); grant select, insert on asked to app_role`)
	return &fixture{members.NewService(d.Pool, hasher{}, sessions{d.Pool}, audit.NewTrail(d.Pool)), d}
}

// asked returns the calls of sessions for a user.
func (f *fixture) asked(t testing.TB, user uuid.UUID) string {
	t.Helper()
	var list string
	require.NoError(t, f.Superuser.QueryRowContext(t.Context(),
		`select coalesce(string_agg(what, ',' order by what), '') from asked where user_id = $1`, user).Scan(&list))
	return list
}

// role returns the role of a principal in its tenant, or "".
func (f *fixture) role(t testing.TB, p auth.Principal) (role auth.Role) {
	t.Helper()
	require.NoError(t, f.Superuser.QueryRowContext(t.Context(),
		`select coalesce(max(role), '') from members where tenant_id = $1 and user_id = $2`, p.TenantID, p.UserID).Scan(&role))
	return role
}

// call sends one request of p to the routes of the feature.
func (f *fixture) call(t testing.TB, p auth.Principal, method, path, body string) apptest.Response {
	t.Helper()
	e, h := apptest.Router(), members.NewHandler(f.Service)
	e.GET("/v1/users", apptest.Handler(h.List))
	e.POST("/v1/users", apptest.Handler(h.Create))
	e.GET("/v1/users/:id", apptest.Handler(h.Get))
	e.PATCH("/v1/users/:id", apptest.Handler(h.Update))
	e.DELETE("/v1/users/:id", apptest.Handler(h.Delete))
	return apptest.Call(t, e, p, method, path, body)
}
