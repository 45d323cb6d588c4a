package members_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/app/members"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

const password = "violet harbour four lanterns"

func TestCreateWithNewAccount(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	owner := f.Member(t, f.Tenant(t), access.RoleOwner)
	got := f.call(t, owner, "POST", "/v1/users", `{"email":" Grace@Example.com ","role":"admin","display_name":" Grace ","password":"`+password+`"}`)
	require.Equal(t, 201, got.Status, got.Body)
	id, _ := got.Body["id"].(string)
	assert.Equal(t, "/v1/users/"+id, got.Header.Get("Location"))
	assert.Len(t, got.Body, 5)
	assert.NotEmpty(t, got.Body["created_at"])
	for name, want := range map[string]any{"email": "grace@example.com", "display_name": "Grace", "role": "admin"} {
		assert.Equal(t, want, got.Body[name], name)
	}
	assert.Equal(t, uuid.Version(7), uuid.MustParse(id).Version())
	assert.Equal(t, 1, f.Count(t, `select count(*) from users where id = $1 and password_hash = $2`, id, "hash of "+password))
	assert.Equal(t, got.Body, f.call(t, owner, "GET", "/v1/users/"+id, "").Body)
	assert.Equal(t, 1, f.Count(t, `
		select count(*) from audit_events where event = 'member_added' and target_type = 'user' and target_id = $1 and actor_id = $2
			and details = '{"role":"admin","new_account":true}'`, id, owner.UserID))

	got = f.call(t, owner, "POST", "/v1/users", `{"email":"alan@example.com","role":"viewer","password":"`+password+`"}`)
	require.Equal(t, 201, got.Status, got.Body)
	assert.Equal(t, "alan", got.Body["display_name"])
}

func TestCreateWithExistingAccount(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	owner, known := f.Member(t, f.Tenant(t), access.RoleOwner), f.Member(t, f.Tenant(t), access.RoleOwner)
	email := known.UserID.String() + "@example.com"
	for _, body := range []string{ // the email is not verified
		`{"email":"` + email + `","role":"viewer"}`, `{"email":"` + email + `","role":"viewer","password":"` + password + `"}`,
	} {
		f.call(t, owner, "POST", "/v1/users", body).Problem(t, errors.CodeConflict)
	}
	f.Exec(t, `update users set email_verified_at = now() where id = $1`, known.UserID)
	f.call(t, owner, "POST", "/v1/users", `{"email":"`+email+`","role":"viewer","password":"`+password+`"}`).Problem(t, errors.CodeConflict)
	assert.Equal(t, 1, f.Count(t, `select count(*) from members where user_id = $1`, known.UserID))
	got := f.call(t, owner, "POST", "/v1/users", `{"email":"`+strings.ToUpper(email)+`","role":"viewer","display_name":"Mallory"}`)
	require.Equal(t, 201, got.Status, got.Body)
	assert.Equal(t, known.UserID.String(), got.Body["id"])
	assert.Equal(t, "A", got.Body["display_name"], "the name of the account stays")
	assert.Equal(t, 1, f.Count(t, `select count(*) from users where id = $1 and password_hash = 'x' and display_name = 'A'`, known.UserID))
	assert.Equal(t, 1, f.Count(t, `select count(*) from members where user_id = $1 and tenant_id = $2 and role = 'owner'`, known.UserID, known.TenantID))
	f.call(t, owner, "POST", "/v1/users", `{"email":"`+email+`","role":"admin"}`).Problem(t, errors.CodeConflict)
	assert.Equal(t, 1, f.Count(t, `select count(*) from audit_events where event = 'member_added' and details->>'new_account' = 'false'`))
	assert.Equal(t, 1, f.Count(t, `select count(*) from members where user_id = $1 and tenant_id = $2 and role = 'viewer'`, known.UserID, owner.TenantID))
}

// An account that an operator deletes while it is being added gets no membership.
func TestDeletedAccountIsNotAdded(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	owner, known := f.Member(t, f.Tenant(t), access.RoleOwner), f.Member(t, f.Tenant(t), access.RoleOwner)
	f.Exec(t, `update users set email_verified_at = now() where id = $1`, known.UserID)
	tx, err := f.Superuser.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = tx.ExecContext(t.Context(), `update users set email = 'deleted:' || id where id = $1`, known.UserID)
	require.NoError(t, err)
	added := make(chan error, 1)
	go func() {
		_, err := f.Create(apptest.As(t, owner), owner, members.CreateRequest{Email: known.UserID.String() + "@example.com", Role: access.RoleViewer})
		added <- err
	}()
	f.AwaitLock(t)
	require.NoError(t, tx.Commit())
	err = <-added
	assert.True(t, errors.HasCode(err, errors.CodeConflict), "%v", err)
	assert.Equal(t, 1, f.Count(t, `select count(*) from members where user_id = $1`, known.UserID))
}

// A removed member can be added again by the tenant that created the account, and by others only
// once it is verified.
func TestAccountIsTrustedByCreatingTenantOnly(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	owner, other := f.Member(t, f.Tenant(t), access.RoleOwner), f.Member(t, f.Tenant(t), access.RoleOwner)
	made := f.call(t, owner, "POST", "/v1/users", `{"email":"cfo@example.com","role":"viewer","password":"`+password+`"}`)
	require.Equal(t, 201, made.Status, made.Body)
	f.call(t, other, "POST", "/v1/users", `{"email":"cfo@example.com","role":"admin"}`).Problem(t, errors.CodeConflict)
	require.Equal(t, 204, f.call(t, owner, "DELETE", "/v1/users/"+made.Body["id"].(string), "").Status)
	f.call(t, other, "POST", "/v1/users", `{"email":"cfo@example.com","role":"admin"}`).Problem(t, errors.CodeConflict)
	again := f.call(t, owner, "POST", "/v1/users", `{"email":"cfo@example.com","role":"member"}`)
	require.Equal(t, 201, again.Status, again.Body)
	assert.Equal(t, made.Body["id"], again.Body["id"])
}

func TestCreatePermissions(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	people := f.team(t)
	for i, tt := range []struct {
		by   string
		role auth.Role
		ok   bool
	}{
		{"owner", access.RoleOwner, true}, {"owner", access.RoleViewer, true}, {"admin", access.RoleAdmin, true},
		{"admin", access.RoleOwner, false}, {"member", access.RoleViewer, false}, {"viewer", access.RoleViewer, false},
		{"key", access.RoleViewer, true}, {"key", access.RoleMember, false}, {"key", access.RoleOwner, false},
	} {
		by := people[tt.by]
		_, err := f.Create(apptest.As(t, by), by, members.CreateRequest{Email: strings.Repeat("x", i+1) + "@example.com", Role: tt.role, Password: password})
		if tt.ok {
			assert.NoError(t, err, "%s adds %s", tt.by, tt.role)
			continue
		}
		assert.True(t, errors.HasCode(err, errors.CodePermissionDenied), "%s adds %s: %v", tt.by, tt.role, err)
	}
	assert.Equal(t, 4, f.Count(t, `select count(*) from audit_events where event = 'member_added'`))
}

// Of concurrent requests of several tenants for the same new email, one creates the account and the
// others get a conflict.
func TestConcurrentCreate(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	owners := []auth.Principal{f.Member(t, f.Tenant(t), access.RoleOwner), f.Member(t, f.Tenant(t), access.RoleOwner)}
	var created atomic.Int64
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			by := owners[i%2]
			_, err := f.Create(apptest.As(t, by), by, members.CreateRequest{Email: "new@example.com", Role: access.RoleViewer, Password: password})
			if err == nil {
				created.Add(1)
				return
			}
			assert.True(t, errors.HasCode(err, errors.CodeConflict), err)
		})
	}
	group.Wait()
	assert.EqualValues(t, 1, created.Load())
	assert.Equal(t, 1, f.Count(t, `select count(*) from users where email = 'new@example.com'`))
	assert.Equal(t, 1, f.Count(t, `select count(*) from audit_events where event = 'member_added'`))
}

func TestInvalidBodies(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	owner := f.Member(t, f.Tenant(t), access.RoleOwner)
	for body, want := range map[string][]string{
		``:   {"body"},
		`{}`: {"email", "role"},
		`{"email":"a@example.com","role":"viewer"}`:                                                                         {"password"},
		`{"email":"a@example.com","role":"viewer","password":""}`:                                                           {"password"},
		`{"email":"a@example.com","role":"viewer","password":"short"}`:                                                      {"password"},
		`{"email":"violet@example.com","role":"viewer","password":"` + password + `"}`:                                      {"password"},
		`{"email":"x","role":"Owner","password":"password1234"}`:                                                            {"email", "role", "password"},
		`{"email":"a@example.com","role":"*"}`:                                                                              {"role"},
		`{"email":"a@example.com","role":"viewer","password":"` + password + `","x":1}`:                                     {"x"},
		`{"email":"a@example.com","role":1}`:                                                                                {"role"},
		`{"email":"a@example.com","role":"viewer","display_name":"` + strings.Repeat("é", 101) + `"}`:                       {"display_name"},
		`{"email":"a@example.com","role":"viewer","display_name":"\u0000","password":"` + password + `"}`:                   {"display_name"},
		`{"email":"` + strings.Repeat("a", 250) + `@example.com","role":"viewer","password":"` + password + `"}`:            {"email"},
		`{"email":"a@example.com","role":"viewer","password":"` + password + `","tenant_id":"` + uuid.New().String() + `"}`: {"tenant_id"},
	} {
		assert.Equal(t, want, f.call(t, owner, "POST", "/v1/users", body).Problem(t, errors.CodeValidation), body)
	}
	path := "/v1/users/" + owner.UserID.String()
	for body, want := range map[string][]string{
		``: {"body"}, `{}`: {"role"}, `{"role":null}`: {"role"}, `{"role":"root"}`: {"role"}, `{"role":"admin","email":"x@example.com"}`: {"email"},
	} {
		assert.Equal(t, want, f.call(t, owner, "PATCH", path, body).Problem(t, errors.CodeValidation), body)
	}
	assert.Equal(t, 1, f.Count(t, `select count(*) from users`))
}

func TestInvalidParameters(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	owner := f.Member(t, f.Tenant(t), access.RoleOwner)
	for path, field := range map[string]string{
		"?limit=0": "limit", "?limit=101": "limit", "?limit=x": "limit", "?cursor=x": "cursor", "?cursor=%00": "cursor",
		"?cursor=" + strings.Repeat("%0A", 23): "cursor", "?cursor=" + strings.Repeat("A", 101): "cursor", "/x": "id",
	} {
		assert.Equal(t, []string{field}, f.call(t, owner, "GET", "/v1/users"+path, "").Problem(t, errors.CodeValidation), path)
	}
	assert.Equal(t, []string{"id"}, f.call(t, owner, "DELETE", "/v1/users/x", "").Problem(t, errors.CodeValidation))
	assert.Equal(t, []string{"id"}, f.call(t, owner, "PATCH", "/v1/users/x", `{"role":"admin"}`).Problem(t, errors.CodeValidation))
	id := "/v1/users/" + owner.UserID.String()
	for _, r := range [][3]string{{"POST", "/v1/users", `{"email":"a@example.com","role":"viewer"}`}, {"PATCH", id, `{"role":"admin"}`}, {"DELETE", id, ""}} {
		f.call(t, auth.Principal{}, r[0], r[1], r[2]).Problem(t, errors.CodeAuthRequired)
	}
	for _, method := range []string{"GET", "DELETE"} {
		f.call(t, owner, method, "/v1/users/"+uuid.NewString(), "").Problem(t, errors.CodeNotFound)
	}
	f.call(t, owner, "PATCH", "/v1/users/"+uuid.NewString(), `{"role":"admin"}`).Problem(t, errors.CodeNotFound)
}

func TestListPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	tenant := f.Tenant(t)
	owner := f.Member(t, tenant, access.RoleOwner)
	f.Exec(t, `delete from members`)
	for _, name := range strings.Split("abcdefg", "") {
		id, err := uuid.NewV7()
		require.NoError(t, err)
		f.Exec(t, `insert into users (id, email, password_hash, display_name) values ($1, $2, 'x', $3)`, id, name+"@example.com", name)
		f.Exec(t, `insert into members (tenant_id, user_id, role) values ($1, $2, 'viewer')`, tenant, id)
	}
	f.Member(t, f.Tenant(t), access.RoleOwner)
	for limit, want := range map[string]string{"1": "g,f,e,d,c,b,a", "3": "gfe,dcb,a", "7": "gfedcba", "100": "gfedcba"} {
		assert.Equal(t, want, apptest.Pages(t, "display_name", func(cursor string) apptest.Response {
			return f.call(t, owner, "GET", "/v1/users?limit="+limit+"&cursor="+cursor, "")
		}))
	}
}

// Members of another tenant can be neither read nor changed.
func TestRowSecurity(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann, bob := f.Member(t, f.Tenant(t), access.RoleMember), f.Member(t, f.Tenant(t), access.RoleOwner)
	path := "/v1/users/" + ann.UserID.String()
	f.call(t, bob, "GET", path, "").Problem(t, errors.CodeNotFound)
	f.call(t, bob, "PATCH", path, `{"role":"viewer"}`).Problem(t, errors.CodeNotFound)
	f.call(t, bob, "DELETE", path, "").Problem(t, errors.CodeNotFound)
	require.NoError(t, f.Pool.InTenant(apptest.As(t, bob), func(ctx context.Context) error {
		for _, statement := range []string{`select from members where user_id = $1`, `update members set role = 'viewer' where user_id = $1`, `delete from members where user_id = $1`} {
			n, err := db.Exec(ctx, f.Pool, statement, ann.UserID)
			require.NoError(t, err)
			assert.Zero(t, n, statement)
		}
		return nil
	}))
	assert.Equal(t, access.RoleMember, f.role(t, ann))
}

// Removing a member deletes their API keys of this tenant, and no others.
func TestDeleteRemovesAPIKeys(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	people := f.team(t)
	member, elsewhere := people["member"], people["stranger"].TenantID
	f.Exec(t, `insert into members (tenant_id, user_id, role) values ($1, $2, 'viewer')`, elsewhere, member.UserID)
	for _, tenant := range []uuid.UUID{member.TenantID, elsewhere} {
		f.Exec(t, `insert into api_keys (id, tenant_id, user_id, name, hash, hint, scopes)
			values (gen_random_uuid(), $1, $2, 'a', sha256($3::bytea), '', '{users:read}')`, tenant, member.UserID, tenant.String())
	}
	require.NoError(t, f.Delete(apptest.As(t, people["admin"]), people["admin"], member.UserID))
	assert.Equal(t, 1, f.Count(t, `select count(*) from api_keys where tenant_id = $1`, elsewhere))
	assert.Equal(t, 1, f.Count(t, `select count(*) from api_keys`))
}

// Changes are rolled back if the audit entry or the session revocation fails.
func TestChangesAreAtomic(t *testing.T) {
	t.Parallel()
	for _, table := range []string{"audit_events", "asked"} {
		f := newFixture(t)
		people := f.team(t)
		owner, member := people["owner"], people["member"]
		f.Exec(t, `alter table `+table+` rename to elsewhere`)
		_, err := f.Update(apptest.As(t, owner), owner, member.UserID, members.UpdateRequest{Role: access.RoleViewer})
		assert.Error(t, err)
		assert.Error(t, f.Delete(apptest.As(t, owner), owner, member.UserID))
		assert.Equal(t, access.RoleMember, f.role(t, member))
	}
}
