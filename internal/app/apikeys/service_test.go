package apikeys_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/apikeys"
	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/app/paging"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// Who sees and ends whose keys.
func TestReach(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	tenant := f.Tenant(t)
	ann, bob, admin := f.Member(t, tenant, access.RoleMember), f.Member(t, tenant, access.RoleMember), f.Member(t, tenant, access.RoleAdmin)
	stranger := f.Member(t, f.Tenant(t), access.RoleOwner)
	narrow := admin
	narrow.APIKeyID, narrow.Scopes = uuid.New(), []auth.Permission{access.APIKeysRead, access.APIKeysWrite}
	anns, _ := f.create(t, ann, readNotes...)
	bobs, _ := f.create(t, bob, readNotes...)
	admins, _ := f.create(t, admin, readNotes...)
	tests := map[string]struct {
		by   auth.Principal
		want []uuid.UUID // newest first
	}{
		"a member":                 {ann, []uuid.UUID{anns.ID}},
		"an admin":                 {admin, []uuid.UUID{admins.ID, bobs.ID, anns.ID}},
		"a key of an admin":        {narrow, []uuid.UUID{admins.ID}},
		"an owner of another":      {stranger, nil},
		"a member of another name": {auth.Principal{UserID: ann.UserID, TenantID: stranger.TenantID, Roles: ann.Roles}, nil},
	}
	for name, tt := range tests {
		page, err := f.List(apptest.As(t, tt.by), tt.by, paging.Query{})
		require.NoError(t, err)
		var got []uuid.UUID
		for _, k := range page.Items {
			got = append(got, k.ID)
		}
		assert.Equal(t, tt.want, got, name)
		for _, id := range []uuid.UUID{anns.ID, bobs.ID, admins.ID} {
			_, err := f.Get(apptest.As(t, tt.by), tt.by, id)
			if slices.Contains(tt.want, id) {
				assert.NoError(t, err, name)
				continue
			}
			assert.True(t, errors.HasCode(err, errors.CodeNotFound), "%s: %v", name, err)
		}
	}
	gone := func(by auth.Principal, id uuid.UUID) {
		f.call(t, by, "DELETE", "/v1/api-keys/"+id.String(), "").Problem(t, errors.CodeNotFound)
	}
	gone(ann, bobs.ID)
	gone(stranger, bobs.ID)
	gone(ann, uuid.New())
	assert.Zero(t, f.Count(t, `select count(*) from audit_events where event = 'api_key_revoked'`))
	assert.Equal(t, 204, f.call(t, ann, "DELETE", "/v1/api-keys/"+anns.ID.String(), "").Status)
	gone(ann, anns.ID)
	f.call(t, ann, "GET", "/v1/api-keys/"+anns.ID.String(), "").Problem(t, errors.CodeNotFound)
	assert.Equal(t, 204, f.call(t, admin, "DELETE", "/v1/api-keys/"+bobs.ID.String(), "").Status)
	assert.Equal(t, 1, f.Count(t, `
		select count(*) from audit_events where event = 'api_key_revoked' and actor_id = $1 and target_id = $2 and details->>'owner_id' = $3`,
		admin.UserID, bobs.ID, bob.UserID.String()))
	assert.Equal(t, 2, f.Count(t, `select count(*) from audit_events where event = 'api_key_revoked'`))
}

func TestPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	tenant := f.Tenant(t)
	p, admin := f.Member(t, tenant, access.RoleMember), f.Member(t, tenant, access.RoleAdmin)
	for _, name := range strings.Split("abcdefg", "") {
		_, err := f.Create(apptest.As(t, p), p, apikeys.Draft{Name: name, Scopes: readNotes})
		require.NoError(t, err)
	}
	for _, by := range []auth.Principal{p, admin} {
		for limit, want := range map[string]string{"1": "g,f,e,d,c,b,a", "3": "gfe,dcb,a", "7": "gfedcba", "100": "gfedcba"} {
			assert.Equal(t, want, apptest.Pages(t, "name", func(cursor string) apptest.Answer {
				return f.call(t, by, "GET", "/v1/api-keys?limit="+limit+"&cursor="+cursor, "")
			}))
		}
	}
}

func TestBadParameters(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := f.Member(t, f.Tenant(t), access.RoleMember)
	for path, field := range map[string]string{
		"?limit=0": "limit", "?limit=101": "limit", "?limit=x": "limit", "?cursor=x": "cursor", "?cursor=" + strings.Repeat("A", 101): "cursor",
		"?cursor=%00": "cursor", "?cursor=" + strings.Repeat("%0A", 23): "cursor", "?cursor=AAAA&cursor=AAAA": "cursor", "/x": "id",
		"/%7B01890a5d-ac96-774b-bcce-b302099a8057%7D": "id",
	} {
		assert.Equal(t, []string{field}, f.call(t, p, "GET", "/v1/api-keys"+path, "").Problem(t, errors.CodeValidation), path)
	}
	assert.Equal(t, []string{"id"}, f.call(t, p, "DELETE", "/v1/api-keys/x", "").Problem(t, errors.CodeValidation))
	for _, r := range [][2]string{{"GET", "/v1/api-keys"}, {"GET", "/v1/api-keys/" + uuid.NewString()}, {"DELETE", "/v1/api-keys/" + uuid.NewString()}} {
		f.call(t, auth.Principal{}, r[0], r[1], "").Problem(t, errors.CodeAuthRequired)
	}
	f.call(t, auth.Principal{}, "POST", "/v1/api-keys", `{"name":"a","scopes":["notes:read"]}`).Problem(t, errors.CodeAuthRequired)
}

func TestRowSecurity(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann, bob := f.Member(t, f.Tenant(t), access.RoleMember), f.Member(t, f.Tenant(t), access.RoleMember)
	f.create(t, ann, readNotes...)
	as := func(p auth.Principal, statement string, args ...any) (n int64, err error) {
		err = f.Pool.InTenant(apptest.As(t, p), func(ctx context.Context) error {
			n, err = db.Exec(ctx, f.Pool, statement, args...)
			return err
		})
		return n, err
	}
	for _, statement := range []string{`select from api_keys`, `update api_keys set name = 'x'`, `delete from api_keys`} {
		n, err := as(bob, statement)
		require.NoError(t, err)
		assert.Zero(t, n, statement)
	}
	_, err := as(bob, `insert into api_keys (id, tenant_id, user_id, name, hash, hint, scopes)
		values ($1, $2, $3, 'a', sha256('a'), '', '{notes:read}')`, uuid.New(), ann.TenantID, ann.UserID)
	assert.Equal(t, "42501", db.SQLState(err), "a key for another tenant: %v", err)
	n, err := as(ann, `select from api_keys`)
	require.NoError(t, err)
	assert.EqualValues(t, 1, n)
}
