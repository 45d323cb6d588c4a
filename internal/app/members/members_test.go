package members_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/app/members"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

// team is a tenant with members of all roles, an API key of the owner, and a user of another
// tenant.
type team map[string]auth.Principal

func (f *fixture) team(t testing.TB) team {
	t.Helper()
	tenant := f.Tenant(t)
	people := team{}
	for name, role := range map[string]auth.Role{
		"owner": access.RoleOwner, "owner2": access.RoleOwner, "admin": access.RoleAdmin, "admin2": access.RoleAdmin,
		"member": access.RoleMember, "viewer": access.RoleViewer,
	} {
		people[name] = f.Member(t, tenant, role)
	}
	people["stranger"] = f.Member(t, f.Tenant(t), access.RoleOwner)
	key := people["owner"]
	key.SessionID, key.APIKeyID = uuid.Nil, uuid.New()
	key.Scopes = append(access.Policy.Permissions(access.RoleViewer), access.UsersWrite)
	people["key"] = key
	return people
}

const (
	denied   = "PERMISSION_DENIED"
	conflict = "RESOURCE_CONFLICT"
	missing  = "RESOURCE_NOT_FOUND"
)

func TestUpdatePermissions(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	tests := map[string]struct {
		by, of string
		to     auth.Role
		want   string // error code, "" for success, "same" for no change
	}{
		"an owner makes an owner":              {"owner", "admin", access.RoleOwner, ""},
		"an owner changes an owner":            {"owner", "owner2", access.RoleViewer, ""},
		"an owner steps down":                  {"owner", "owner", access.RoleMember, ""},
		"an admin changes an admin":            {"admin", "admin2", access.RoleViewer, ""},
		"an admin makes an admin":              {"admin", "viewer", access.RoleAdmin, ""},
		"an admin makes an owner":              {"admin", "member", access.RoleOwner, denied},
		"an admin changes an owner":            {"admin", "owner", access.RoleMember, denied},
		"an admin makes themselves an owner":   {"admin", "admin", access.RoleOwner, denied},
		"an admin steps down":                  {"admin", "admin", access.RoleViewer, denied},
		"a member changes somebody":            {"member", "viewer", access.RoleMember, denied},
		"a member changes themselves":          {"member", "member", access.RoleAdmin, denied},
		"an owner changes a stranger":          {"owner", "stranger", access.RoleViewer, missing},
		"a stranger changes a member":          {"stranger", "member", access.RoleOwner, missing},
		"a key gives a role within its scopes": {"key", "member", access.RoleViewer, ""},
		"a key gives a role beyond its scopes": {"key", "viewer", access.RoleMember, denied},
		"a key of an owner makes an owner":     {"key", "viewer", access.RoleOwner, denied},
		"the current role of a member":         {"admin", "admin2", access.RoleAdmin, "same"},
		"one's own current role":               {"admin", "admin", access.RoleAdmin, "same"},
	}
	for name, tt := range tests {
		people := f.team(t)
		by, of := people[tt.by], people[tt.of]
		before := f.role(t, of)
		got, err := f.Update(apptest.As(t, by), by, of.UserID, members.UpdateRequest{Role: tt.to})
		switch tt.want {
		case "":
			require.NoError(t, err, name)
			assert.Equal(t, tt.to, got.Role, name)
			assert.Equal(t, tt.to, f.role(t, of), name)
			assert.Equal(t, "renewed", f.asked(t, of.UserID), name)
			assert.Equal(t, 1, f.Count(t, `
				select count(*) from audit_events where event = 'member_role_changed' and target_id = $1 and actor_id = $2
					and details = jsonb_build_object('from', $3::text, 'to', $4::text)`, of.UserID, by.UserID, before, tt.to), name)
			continue
		case "same":
			require.NoError(t, err, name)
		default:
			e, _ := errors.AsType[*errors.Error](err)
			require.NotNil(t, e, name)
			assert.Equal(t, tt.want, e.Code.Name, name)
		}
		assert.Equal(t, before, f.role(t, of), name)
		assert.Empty(t, f.asked(t, of.UserID), name)
		assert.Zero(t, f.Count(t, `select count(*) from audit_events where target_id = $1`, of.UserID), name)
	}
}

func TestDeletePermissions(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	tests := map[string]struct{ by, of, want string }{
		"an owner removes an owner":     {"owner", "owner2", ""},
		"an owner leaves":               {"owner", "owner", ""},
		"an admin removes an admin":     {"admin", "admin2", ""},
		"an admin removes an owner":     {"admin", "owner", denied},
		"an admin leaves":               {"admin", "admin", ""},
		"a member leaves":               {"member", "member", ""},
		"a viewer leaves":               {"viewer", "viewer", ""},
		"a member removes somebody":     {"member", "viewer", denied},
		"a member removes a stranger":   {"member", "stranger", denied},
		"an admin removes a stranger":   {"admin", "stranger", missing},
		"a stranger removes a member":   {"stranger", "member", missing},
		"a key with users:write":        {"key", "member", ""},
		"a key of an owner and itself":  {"key", "owner", ""},
		"a key of an owner and another": {"key", "owner2", ""},
	}
	for name, tt := range tests {
		people := f.team(t)
		by, of := people[tt.by], people[tt.of]
		before := f.role(t, of)
		err := f.Delete(apptest.As(t, by), by, of.UserID)
		if tt.want == "" {
			require.NoError(t, err, name)
			assert.Empty(t, f.role(t, of), name)
			assert.Equal(t, "member_removed", f.asked(t, of.UserID), name)
			assert.Equal(t, 1, f.Count(t, `
				select count(*) from audit_events where event = 'member_removed' and target_id = $1 and actor_id = $2 and details->>'role' = $3`,
				of.UserID, by.UserID, before), name)
			assert.Equal(t, 1, f.Count(t, `select count(*) from users where id = $1`, of.UserID), "the account must stay")
			continue
		}
		e, _ := errors.AsType[*errors.Error](err)
		require.NotNil(t, e, name)
		assert.Equal(t, tt.want, e.Code.Name, name)
		assert.Equal(t, before, f.role(t, of), name)
		assert.Empty(t, f.asked(t, of.UserID), name)
		assert.Zero(t, f.Count(t, `select count(*) from audit_events where target_id = $1`, of.UserID), name)
	}
	narrow := f.Member(t, f.Tenant(t), access.RoleMember)
	narrow.APIKeyID, narrow.Scopes = uuid.New(), []auth.Permission{access.UsersRead}
	err := f.Delete(apptest.As(t, narrow), narrow, narrow.UserID)
	assert.True(t, errors.HasCode(err, errors.CodePermissionDenied), "a key without users:write cannot remove its owner: %v", err)
}

func TestLastOwnerCannotLeave(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	tenant := f.Tenant(t)
	owner := f.Member(t, tenant, access.RoleOwner)
	f.Member(t, tenant, access.RoleAdmin)
	f.Member(t, f.Tenant(t), access.RoleOwner) // owners of other tenants do not count
	path := "/v1/users/" + owner.UserID.String()
	f.call(t, owner, "PATCH", path, `{"role":"admin"}`).Problem(t, errors.CodeConflict)
	f.call(t, owner, "DELETE", path, "").Problem(t, errors.CodeConflict)
	assert.Equal(t, access.RoleOwner, f.role(t, owner))
	second := f.Member(t, tenant, access.RoleOwner)
	assert.Equal(t, 200, f.call(t, owner, "PATCH", path, `{"role":"admin"}`).Status)
	f.call(t, second, "DELETE", "/v1/users/"+second.UserID.String(), "").Problem(t, errors.CodeConflict)
}

// Owners demote and remove each other and leave at the same time: one owner must remain.
func TestOneOwnerRemainsUnderConcurrency(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for range 10 {
		tenant := f.Tenant(t)
		owners := make([]auth.Principal, 4)
		for i := range owners {
			owners[i] = f.Member(t, tenant, access.RoleOwner)
		}
		var group sync.WaitGroup
		var done atomic.Int64
		start := make(chan struct{})
		for i, by := range owners {
			of := owners[(i+1)%len(owners)]
			for _, try := range []func() error{
				func() error {
					_, err := f.Update(apptest.As(t, by), by, of.UserID, members.UpdateRequest{Role: access.RoleViewer})
					return err
				},
				func() error { return f.Delete(apptest.As(t, by), by, of.UserID) },
				func() error { return f.Delete(apptest.As(t, by), by, by.UserID) },
			} {
				group.Go(func() {
					<-start
					err := try()
					if err == nil {
						done.Add(1)
						return
					}
					e, _ := errors.AsType[*errors.Error](err)
					if assert.NotNil(t, e, err) {
						assert.Contains(t, []string{denied, conflict, missing, "TENANT_ACCESS_DENIED"}, e.Code.Name)
					}
				})
			}
		}
		close(start)
		group.Wait()
		assert.Equal(t, 1, f.Count(t, `select count(*) from members where tenant_id = $1 and role = 'owner'`, tenant))
		assert.GreaterOrEqual(t, done.Load(), int64(3), "changes that succeeded")
	}
}

// The current role counts, not the one in the access token.
func TestCurrentRoleIsChecked(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	people := f.team(t)
	demoted, removed, member := people["admin"], people["admin2"], people["member"]
	f.Exec(t, `update members set role = 'viewer' where user_id = $1`, demoted.UserID)
	f.Exec(t, `delete from members where user_id = $1`, removed.UserID)
	create := members.CreateRequest{Email: "new@example.com", Role: access.RoleViewer, Password: "violet harbour four lanterns"}
	for _, tt := range []struct {
		by   auth.Principal
		want errors.Code
	}{{demoted, errors.CodePermissionDenied}, {removed, errors.CodeTenantAccessDenied}} {
		_, err := f.Update(apptest.As(t, tt.by), tt.by, member.UserID, members.UpdateRequest{Role: access.RoleAdmin})
		assert.True(t, errors.HasCode(err, tt.want), err)
		err = f.Delete(apptest.As(t, tt.by), tt.by, member.UserID)
		assert.True(t, errors.HasCode(err, tt.want), err)
		_, err = f.Create(apptest.As(t, tt.by), tt.by, create)
		assert.True(t, errors.HasCode(err, tt.want), err)
	}
	assert.Equal(t, access.RoleMember, f.role(t, member))
	assert.Zero(t, f.Count(t, `select count(*) from users where email = 'new@example.com'`))
}

// An owner who leaves during the promotion of another owner waits for it and succeeds.
func TestLeavingWaitsForPromotion(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	tenant := f.Tenant(t)
	owner, heir := f.Member(t, tenant, access.RoleOwner), f.Member(t, tenant, access.RoleMember)
	promotion, err := f.Superuser.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { _ = promotion.Rollback() }() // after Commit it does nothing
	for _, statement := range []string{
		`select from tenants where id = $1 for no key update`, `update members set role = 'owner' where tenant_id = $1`,
	} {
		_, err := promotion.ExecContext(t.Context(), statement, tenant)
		require.NoError(t, err)
	}
	left := make(chan error)
	go func() { left <- f.Delete(apptest.As(t, owner), owner, owner.UserID) }()
	platformtest.Eventually(t, 10*time.Second, func() error {
		if f.Count(t, `select count(*) from pg_locks where not granted`) == 0 {
			return errors.Sentinel("no statement waits for a lock")
		}
		return nil
	})
	require.NoError(t, promotion.Commit())
	require.NoError(t, <-left)
	assert.Equal(t, access.RoleOwner, f.role(t, heir))
	assert.Empty(t, f.role(t, owner))
}
