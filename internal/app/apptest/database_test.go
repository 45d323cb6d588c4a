package apptest_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

func TestMain(m *testing.M) { platformtest.Main(m) }

// A test whose pool could see past row security would prove nothing.
func TestMembersSeeTheirTenantOnly(t *testing.T) {
	t.Parallel()
	d := apptest.NewDatabase(t)
	tenant := d.Tenant(t)
	ann, bob, stranger := d.Member(t, tenant, access.RoleOwner), d.Member(t, tenant, access.RoleViewer), d.Member(t, d.Tenant(t), access.RoleOwner)
	assert.Equal(t, uuid.Version(7), ann.UserID.Version())
	assert.Equal(t, []auth.Role{access.RoleViewer}, bob.Roles)
	seenBy := func(p auth.Principal) (list []uuid.UUID) {
		require.NoError(t, d.Pool.InTenant(apptest.As(t, p), func(ctx context.Context) (err error) {
			list, err = db.All[uuid.UUID](ctx, d.Pool, `select user_id from members order by user_id`)
			return err
		}))
		return list
	}
	assert.Equal(t, []uuid.UUID{ann.UserID, bob.UserID}, seenBy(bob), "in the order of time")
	assert.Equal(t, []uuid.UUID{stranger.UserID}, seenBy(stranger))
	there := d.Join(t, tenant, stranger.UserID, access.RoleMember)
	assert.Equal(t, []uuid.UUID{ann.UserID, bob.UserID, stranger.UserID}, seenBy(there))
	assert.Equal(t, 4, d.Count(t, `select count(*) from members`), "the superuser sees them all")
}
