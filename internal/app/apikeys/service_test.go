package apikeys_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/apikeys"
	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/app/paging"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/server"
)

func TestMembersManageTheirOwnKeysAndAdminsAll(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	tenant := f.Tenant(t)
	ann, bob, admin := f.Member(t, tenant, access.RoleMember), f.Member(t, tenant, access.RoleMember), f.Member(t, tenant, access.RoleAdmin)
	stranger := f.Member(t, f.Tenant(t), access.RoleOwner)
	narrow := admin
	narrow.APIKeyID, narrow.Scopes = uuid.New(), []auth.Permission{access.APIKeysRead, access.APIKeysWrite}
	anns, _ := f.create(t, ann, readUsers...)
	bobs, _ := f.create(t, bob, readUsers...)
	admins, _ := f.create(t, admin, readUsers...)
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
		_, err := f.Create(apptest.As(t, p), p, apikeys.CreateRequest{Name: name, Scopes: readUsers})
		require.NoError(t, err)
	}
	for _, by := range []auth.Principal{p, admin} {
		for limit, want := range map[string]string{"1": "g,f,e,d,c,b,a", "3": "gfe,dcb,a", "7": "gfedcba", "100": "gfedcba"} {
			assert.Equal(t, want, apptest.Pages(t, "name", func(cursor string) apptest.Response {
				return f.call(t, by, "GET", "/v1/api-keys?limit="+limit+"&cursor="+cursor, "")
			}))
		}
	}
}

func TestInvalidParameters(t *testing.T) {
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
	f.call(t, auth.Principal{}, "POST", "/v1/api-keys", `{"name":"a","scopes":["users:read"]}`).Problem(t, errors.CodeAuthRequired)
}

func TestRowSecurity(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann, bob := f.Member(t, f.Tenant(t), access.RoleMember), f.Member(t, f.Tenant(t), access.RoleMember)
	f.create(t, ann, readUsers...)
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
		values ($1, $2, $3, 'a', sha256('a'), '', '{users:read}')`, uuid.New(), ann.TenantID, ann.UserID)
	assert.Equal(t, "42501", db.SQLState(err), "a key for another tenant: %v", err)
	n, err := as(ann, `select from api_keys`)
	require.NoError(t, err)
	assert.EqualValues(t, 1, n)
}

func TestAuthenticate(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	tenant, elsewhere := f.Tenant(t), f.Tenant(t)
	p := f.Member(t, tenant, access.RoleMember)
	created, key := f.create(t, p, access.APIKeysRead, access.UsersRead)
	got, err := f.Authenticate(t.Context(), key)
	require.NoError(t, err)
	assert.Equal(t, auth.Principal{
		UserID: p.UserID, TenantID: tenant, Roles: p.Roles, APIKeyID: created.ID, ExpiresAt: *created.ExpiresAt,
		Scopes: []auth.Permission{access.APIKeysRead, access.UsersRead},
	}, got)

	refused := func(name string, key auth.APIKey, want error, known bool) {
		t.Helper()
		got, err := f.Authenticate(t.Context(), key)
		assert.ErrorIs(t, err, want, name)
		assert.Equal(t, known, got.UserID == p.UserID, "%s: the principal is for the trail", name)
	}
	refused("nobody's", auth.NewAPIKey(tenant, uuid.New()), auth.ReasonAPIKeyUnknown, false)
	refused("another secret", auth.NewAPIKey(tenant, key.ID()), auth.ReasonAPIKeyUnknown, false)
	refused("another tenant", auth.NewAPIKey(elsewhere, key.ID()), auth.ReasonAPIKeyUnknown, false)

	_, revoked := f.create(t, p, readUsers...)
	require.NoError(t, f.Revoke(apptest.As(t, p), p, revoked.ID()))
	refused("revoked", revoked, auth.ReasonAPIKeyRevoked, true)
	refused("another secret of a revoked one", auth.NewAPIKey(tenant, revoked.ID()), auth.ReasonAPIKeyUnknown, false)
	_, expired := f.create(t, p, readUsers...)
	f.Exec(t, `update api_keys set expires_at = now() where id = $1`, expired.ID())
	refused("expired", expired, auth.ReasonAPIKeyExpired, true)
	_, endless := f.create(t, p, readUsers...)
	f.Exec(t, `update api_keys set expires_at = null where id = $1`, endless.ID())
	got, err = f.Authenticate(t.Context(), endless)
	require.NoError(t, err)
	assert.True(t, got.ExpiresAt.IsZero())

	f.Exec(t, `delete from members where user_id = $1`, p.UserID)
	refused("of a removed member", key, auth.ReasonAPIKeyUnknown, false)
}

func TestKeyFollowsTheRoleOfItsOwner(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := f.Member(t, f.Tenant(t), access.RoleOwner)
	_, key := f.create(t, p, access.APIKeysWrite, access.AuditRead)
	for role, want := range map[auth.Role][]auth.Permission{
		access.RoleOwner: {access.APIKeysWrite, access.AuditRead}, access.RoleMember: {access.APIKeysWrite}, access.RoleViewer: {},
	} {
		f.Exec(t, `update members set role = $1 where user_id = $2`, role, p.UserID)
		got, err := f.Authenticate(t.Context(), key)
		require.NoError(t, err)
		assert.Equal(t, []auth.Role{role}, got.Roles)
		assert.ElementsMatch(t, want, access.Policy.Granted(got), role)
	}
}

// TestMiddleware tests the middleware of package auth with the keys of this package.
func TestMiddleware(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := f.Member(t, f.Tenant(t), access.RoleMember)
	_, good := f.create(t, p, readUsers...)
	_, revoked := f.create(t, p, readUsers...)
	require.NoError(t, f.Revoke(apptest.As(t, p), p, revoked.ID()))
	_, expired := f.create(t, p, readUsers...)
	f.Exec(t, `update api_keys set expires_at = now() where id = $1`, expired.ID())
	var rejections []auth.Reason
	e := echo.New()
	e.HTTPErrorHandler = server.ErrorHandler(nil)
	authenticate := auth.Authenticate(auth.Authentication{APIKey: f.Authenticate, OnRejected: func(_ context.Context, r auth.Rejection) {
		rejections = append(rejections, r.Reason)
		assert.Equal(t, r.Reason != "unknown_api_key", r.Principal.UserID == p.UserID)
	}})
	ok := func(c echo.Context) error { return c.NoContent(http.StatusNoContent) }
	e.GET("/read", ok, authenticate, auth.Require(access.Policy, access.UsersRead, nil))
	e.GET("/write", ok, authenticate, auth.Require(access.Policy, access.APIKeysWrite, nil))
	for _, tt := range []struct {
		path string
		key  auth.APIKey
		want int
		code string
	}{
		{"/read", good, 204, ""},
		{"/write", good, 403, "PERMISSION_DENIED"},
		{"/read", revoked, 401, "AUTH_TOKEN_REVOKED"},
		{"/read", expired, 401, "AUTH_TOKEN_EXPIRED"},
		{"/read", auth.NewAPIKey(p.TenantID, good.ID()), 401, "AUTH_TOKEN_INVALID"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, tt.path, nil)
		r.Header.Set(auth.HeaderAPIKey, tt.key.Reveal())
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		assert.Equal(t, tt.want, w.Code)
		assert.Contains(t, w.Body.String(), tt.code)
	}
	assert.Equal(t, []auth.Reason{"revoked_api_key", "expired_api_key", "unknown_api_key"}, rejections)
}

func TestDatabaseErrorIsNotARejection(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.Exec(t, `alter table api_keys rename to elsewhere`)
	_, err := f.Authenticate(t.Context(), auth.NewAPIKey(uuid.New(), uuid.New()))
	assert.True(t, errors.HasCode(err, errors.CodeDatabase), err)
}

func TestLastUse(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := f.Member(t, f.Tenant(t), access.RoleMember)
	created, key := f.create(t, p, readUsers...)
	use := func() {
		_, err := f.Authenticate(t.Context(), key)
		assert.NoError(t, err)
	}
	lastUse := func() *time.Time {
		k, err := f.Get(apptest.As(t, p), p, created.ID)
		require.NoError(t, err)
		return k.LastUsedAt
	}
	assert.Nil(t, lastUse())
	use()
	first := lastUse()
	require.NotNil(t, first)
	assert.WithinDuration(t, time.Now(), *first, time.Minute)
	use()
	assert.Equal(t, first, lastUse(), "once a minute")

	f.Exec(t, `update api_keys set last_used_at = now() - interval '61 seconds'`)
	var all sync.WaitGroup
	for range 8 {
		all.Go(use)
	}
	all.Wait()
	assert.WithinDuration(t, time.Now(), *lastUse(), 30*time.Second)
}

// A use that cannot be saved, or not at once, neither fails nor delays the request.
func TestUnsavedUse(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := f.Member(t, f.Tenant(t), access.RoleMember)
	_, key := f.create(t, p, readUsers...)
	tx, err := f.Superuser.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = tx.ExecContext(t.Context(), `select from api_keys for update`)
	require.NoError(t, err)
	begin := time.Now()
	_, err = f.Authenticate(t.Context(), key)
	assert.NoError(t, err)
	assert.Less(t, time.Since(begin), apikeys.SaveTimeout, "it waited for another transaction")
	require.NoError(t, tx.Rollback())

	f.Exec(t, `revoke update on api_keys from app_role`)
	_, err = f.Authenticate(t.Context(), key)
	assert.NoError(t, err)
	assert.Equal(t, 1, f.Count(t, `select count(*) from api_keys where last_used_at is null`))
}

// BenchmarkAuthenticate measures the minimum of a request with a key: one transaction with one
// query.
func BenchmarkAuthenticate(b *testing.B) {
	f := newFixture(b)
	p := f.Member(b, f.Tenant(b), access.RoleMember)
	created, err := f.Create(apptest.As(b, p), p, apikeys.CreateRequest{Name: "a", Scopes: readUsers})
	require.NoError(b, err)
	key, err := auth.ParseAPIKey(created.Text)
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Authenticate(b.Context(), key); err != nil {
			b.Fatal(err)
		}
	}
}

func TestKeyIsReturnedOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := f.Member(t, f.Tenant(t), access.RoleMember)
	created := f.call(t, p, "POST", "/v1/api-keys", `{"name":" Deploy ","scopes":["users:read","api_keys:read","users:read"]}`)
	require.Equal(t, 201, created.Status, created.Body)
	assert.Equal(t, fmt.Sprint("/v1/api-keys/", created.Body["id"]), created.Header.Get("Location"))
	text, _ := created.Body["key"].(string)
	key, err := auth.ParseAPIKey(text)
	require.NoError(t, err)
	assert.Equal(t, key.ID().String(), created.Body["id"])
	assert.Equal(t, p.TenantID, key.TenantID())
	assert.Equal(t, uuid.Version(7), key.ID().Version())
	assert.Equal(t, key.Hint(), created.Body["hint"])
	assert.Equal(t, "Deploy", created.Body["name"])
	assert.Equal(t, []any{"api_keys:read", "users:read"}, created.Body["scopes"])
	assert.Equal(t, p.UserID.String(), created.Body["user_id"])
	assert.Nil(t, created.Body["last_used_at"])
	var times struct {
		ExpiresAt time.Time `json:"expires_at"`
		CreatedAt time.Time `json:"created_at"`
	}
	encoded, err := json.Marshal(created.Body)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(encoded, &times))
	assert.WithinDuration(t, time.Now(), times.CreatedAt, time.Minute)
	assert.WithinDuration(t, times.CreatedAt.Add(90*24*time.Hour), times.ExpiresAt, time.Minute)

	delete(created.Body, "key")
	assert.Equal(t, created.Body, f.call(t, p, "GET", "/v1/api-keys/"+key.ID().String(), "").Body)
	list := f.call(t, p, "GET", "/v1/api-keys", "")
	assert.Equal(t, []any{created.Body}, list.Body["items"])
	assert.Nil(t, list.Body["next_cursor"])

	assert.Equal(t, 1, f.Count(t, `select count(*) from api_keys where hash = sha256($1::bytea)`, text))
	assert.Zero(t, f.Count(t, `
		select count(*) from api_keys k, audit_events e where strpos(k::text || e::text, $1) > 0 or strpos(k::text || e::text, $2) > 0`,
		text, text[3:60]), "nothing keeps the key")
	assert.Equal(t, 1, f.Count(t, `
		select count(*) from audit_events where event = 'api_key_created' and target_id = $1 and actor_id = $2 and session_id = $3
			and details->'scopes' = '["api_keys:read","users:read"]' and details->>'name' = 'Deploy'`, key.ID(), p.UserID, p.SessionID))
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := f.Member(t, f.Tenant(t), access.RoleMember)
	rfc := func(d time.Duration) string { return time.Now().Add(d).Format(time.RFC3339) }
	const day = 24 * time.Hour
	tests := map[string]struct {
		member string
		want   time.Duration
		field  string
	}{
		"a second":         {`"expires_in":1`, time.Second, ""},
		"a year":           {`"expires_in":31536000`, 365 * day, ""},
		"a leap year":      {`"expires_in":31622400`, 366 * day, ""},
		"null":             {`"expires_in":null,"expires_at":null`, 90 * day, ""},
		"a time":           {`"expires_at":"` + rfc(10*day) + `"`, 10 * day, ""},
		"more than a year": {`"expires_in":31622401`, 0, "expires_in"},
		"no time":          {`"expires_in":0`, 0, "expires_in"},
		"less":             {`"expires_in":-1`, 0, "expires_in"},
		"far less":         {`"expires_in":-9223372036854775808`, 0, "expires_in"},
		"far more":         {`"expires_in":9223372036854775807`, 0, "expires_in"},
		"too large":        {`"expires_in":9223372036854775808`, 0, "expires_in"},
		"a duration":       {`"expires_in":"30d"`, 0, "expires_in"},
		"the past":         {`"expires_at":"` + rfc(-time.Minute) + `"`, 0, "expires_at"},
		"the far future":   {`"expires_at":"` + rfc(367*day) + `"`, 0, "expires_at"},
		"the first year":   {`"expires_at":"0001-01-01T00:00:00Z"`, 0, "expires_at"},
		"a date":           {`"expires_at":"2030-01-01"`, 0, "expires_at"},
		"both":             {`"expires_in":60,"expires_at":"` + rfc(day) + `"`, 0, "expires_in"},
	}
	for name, tt := range tests {
		got := f.call(t, p, "POST", "/v1/api-keys", `{"name":"a","scopes":["users:read"],`+tt.member+`}`)
		if tt.field != "" {
			assert.Equal(t, []string{tt.field}, got.Problem(t, errors.CodeValidation), name)
			continue
		}
		require.Equal(t, 201, got.Status, name)
		text, _ := got.Body["expires_at"].(string)
		expires, err := time.Parse(time.RFC3339, text)
		require.NoError(t, err)
		assert.WithinDuration(t, time.Now().Add(tt.want), expires, time.Minute, name)
	}
}

func TestInvalidCreateRequests(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := f.Member(t, f.Tenant(t), access.RoleOwner)
	tests := map[string][]string{
		``:                                  {"body"},
		`{}`:                                {"name", "scopes"},
		`{"name":"a"}`:                      {"scopes"},
		`{"name":"a","scopes":[]}`:          {"scopes"},
		`{"name":"a","scopes":["users:*"]}`: {"scopes.0"},
		`{"name":"a","scopes":["*:*"]}`:     {"scopes.0"},
		`{"name":"a","scopes":["users:read",""]}`:                                         {"scopes.1"},
		`{"name":"a","scopes":["Users:read","x"]}`:                                        {"scopes.0", "scopes.1"},
		`{"name":"a","scopes":"users:read"}`:                                              {"scopes"},
		`{"name":"a","scopes":[1]}`:                                                       {"scopes.0"},
		`{"name":" ","scopes":["users:read"]}`:                                            {"name"},
		`{"name":"\u0000","scopes":["users:read"]}`:                                       {"name"},
		`{"name":"a","scopes":["users:read"],"x":1}`:                                      {"x"},
		`{"name":"` + strings.Repeat("é", 101) + `","scopes":["users:read"]}`:             {"name"},
		`{"name":"a","scopes":[` + strings.Repeat(`"users:read",`, 50) + `"users:read"]}`: {"scopes"},
	}
	for body, want := range tests {
		assert.Equal(t, want, f.call(t, p, "POST", "/v1/api-keys", body).Problem(t, errors.CodeValidation), body)
	}
	got := f.call(t, p, "POST", "/v1/api-keys", `{"name":"`+strings.Repeat("é", 100)+`","scopes":["users:read"]}`)
	assert.Equal(t, 201, got.Status)
	assert.Equal(t, 1, f.Count(t, `select count(*) from api_keys`))
}

func TestScopesAreLimitedToTheCurrentRole(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	tenant := f.Tenant(t)
	member, viewer, demoted := f.Member(t, tenant, access.RoleMember), f.Member(t, tenant, access.RoleViewer), f.Member(t, tenant, access.RoleAdmin)
	f.Exec(t, `update members set role = 'member' where user_id = $1`, demoted.UserID) // the token still says admin
	removed := f.Member(t, tenant, access.RoleAdmin)
	f.Exec(t, `delete from members where user_id = $1`, removed.UserID)
	tests := map[string]struct {
		by     auth.Principal
		scopes []auth.Permission
		want   errors.Code
	}{
		"what the role has":         {member, []auth.Permission{access.APIKeysRead, access.UsersRead}, errors.Code{}},
		"what it has not":           {member, []auth.Permission{access.UsersRead, access.UsersWrite}, errors.CodePermissionDenied},
		"a role without keys":       {viewer, readUsers, errors.CodePermissionDenied},
		"what the role had":         {demoted, []auth.Permission{access.AuditRead}, errors.CodePermissionDenied},
		"what the role still has":   {demoted, readUsers, errors.Code{}},
		"who is no member any more": {removed, readUsers, errors.CodeTenantAccessDenied},
	}
	for name, tt := range tests {
		_, err := f.Create(apptest.As(t, tt.by), tt.by, apikeys.CreateRequest{Name: "a", Scopes: tt.scopes})
		if tt.want == (errors.Code{}) {
			assert.NoError(t, err, name)
			continue
		}
		assert.True(t, errors.HasCode(err, tt.want), "%s: %v", name, err)
	}
	assert.Equal(t, 2, f.Count(t, `select count(*) from api_keys`))
	assert.Equal(t, 2, f.Count(t, `select count(*) from audit_events`))
}

func TestKeyCannotCreateKeys(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	owner := f.Member(t, f.Tenant(t), access.RoleOwner)
	_, key := f.create(t, owner, manageKeys...)
	p, err := f.Authenticate(t.Context(), key)
	require.NoError(t, err)
	f.call(t, p, "POST", "/v1/api-keys", `{"name":"a","scopes":["users:read"]}`).Problem(t, errors.CodeAuthorization)
	other, _ := f.create(t, owner, readUsers...)
	f.call(t, p, "DELETE", "/v1/api-keys/"+other.ID.String(), "").Problem(t, errors.CodeAuthorization)
	assert.Equal(t, 204, f.call(t, p, "DELETE", "/v1/api-keys/"+key.ID().String(), "").Status, "but ends itself")
	assert.Equal(t, 1, f.Count(t, `select count(*) from audit_events where event = 'api_key_revoked' and api_key_id = $1`, key.ID()))
}

func TestNumberOfKeysIsLimited(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	tenant := f.Tenant(t)
	p := f.Member(t, tenant, access.RoleMember)
	insert := `insert into api_keys (id, tenant_id, user_id, name, hash, hint, scopes, expires_at, revoked_at)
		select gen_random_uuid(), $1, $2, 'a', sha256(gen_random_uuid()::text::bytea), '', '{users:read}', now() + $3 * interval '1 day', `
	f.Exec(t, insert+`null from generate_series(1, $4)`, tenant, p.UserID, 1, apikeys.MaxKeys-3)
	f.Exec(t, insert+`null from generate_series(1, $4)`, tenant, p.UserID, -1, apikeys.MaxKeys)
	f.Exec(t, insert+`now() from generate_series(1, $4)`, tenant, p.UserID, 1, apikeys.MaxKeys)
	var made, refused atomic.Int64
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			switch _, err := f.Create(apptest.As(t, p), p, apikeys.CreateRequest{Name: "a", Scopes: readUsers}); {
			case err == nil:
				made.Add(1)
			case errors.HasCode(err, errors.CodeConflict):
				refused.Add(1)
			default:
				assert.NoError(t, err)
			}
		})
	}
	group.Wait()
	assert.EqualValues(t, 3, made.Load())
	assert.EqualValues(t, 7, refused.Load())
	assert.Equal(t, apikeys.MaxKeys, f.Count(t, `select count(*) from api_keys where revoked_at is null and expires_at > now()`))
	assert.Equal(t, apikeys.MaxKeys, f.Count(t, `select count(*) from api_keys where revoked_at is not null`), "the ended ones of late are kept")
	assert.Zero(t, f.Count(t, `select count(*) from api_keys where revoked_at is null and expires_at < now()`))
	other := f.Member(t, tenant, access.RoleMember)
	f.create(t, other, readUsers...)
}
