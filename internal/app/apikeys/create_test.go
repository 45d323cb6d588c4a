package apikeys_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/apikeys"
	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

func TestKeyIsShownOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := f.Member(t, f.Tenant(t), access.RoleMember)
	created := f.call(t, p, "POST", "/v1/api-keys", `{"name":" Deploy ","scopes":["notes:write","notes:read","notes:write"]}`)
	require.Equal(t, 201, created.Status, created.Body)
	assert.Equal(t, "no-store", created.Header.Get("Cache-Control"))
	assert.Equal(t, fmt.Sprint("/v1/api-keys/", created.Body["id"]), created.Header.Get("Location"))
	text, _ := created.Body["key"].(string)
	key, err := auth.ParseAPIKey(text)
	require.NoError(t, err)
	assert.Equal(t, key.ID().String(), created.Body["id"])
	assert.Equal(t, p.TenantID, key.TenantID())
	assert.Equal(t, uuid.Version(7), key.ID().Version())
	assert.Equal(t, key.Hint(), created.Body["hint"])
	assert.Equal(t, "Deploy", created.Body["name"])
	assert.Equal(t, []any{"notes:read", "notes:write"}, created.Body["scopes"])
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
			and details->'scopes' = '["notes:read","notes:write"]' and details->>'name' = 'Deploy'`, key.ID(), p.UserID, p.SessionID))
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
		got := f.call(t, p, "POST", "/v1/api-keys", `{"name":"a","scopes":["notes:read"],`+tt.member+`}`)
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

func TestBadDrafts(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := f.Member(t, f.Tenant(t), access.RoleOwner)
	tests := map[string][]string{
		``:                                  {"body"},
		`{}`:                                {"name", "scopes"},
		`{"name":"a"}`:                      {"scopes"},
		`{"name":"a","scopes":[]}`:          {"scopes"},
		`{"name":"a","scopes":["notes:*"]}`: {"scopes.0"},
		`{"name":"a","scopes":["*:*"]}`:     {"scopes.0"},
		`{"name":"a","scopes":["notes:read",""]}`:                                         {"scopes.1"},
		`{"name":"a","scopes":["Notes:read","x"]}`:                                        {"scopes.0", "scopes.1"},
		`{"name":"a","scopes":"notes:read"}`:                                              {"scopes"},
		`{"name":"a","scopes":[1]}`:                                                       {"scopes.0"},
		`{"name":" ","scopes":["notes:read"]}`:                                            {"name"},
		`{"name":"\u0000","scopes":["notes:read"]}`:                                       {"name"},
		`{"name":"a","scopes":["notes:read"],"x":1}`:                                      {"x"},
		`{"name":"` + strings.Repeat("é", 101) + `","scopes":["notes:read"]}`:             {"name"},
		`{"name":"a","scopes":[` + strings.Repeat(`"notes:read",`, 50) + `"notes:read"]}`: {"scopes"},
	}
	for body, want := range tests {
		assert.Equal(t, want, f.call(t, p, "POST", "/v1/api-keys", body).Problem(t, errors.CodeValidation), body)
	}
	got := f.call(t, p, "POST", "/v1/api-keys", `{"name":"`+strings.Repeat("é", 100)+`","scopes":["notes:read"]}`)
	assert.Equal(t, 201, got.Status)
	assert.Equal(t, 1, f.Count(t, `select count(*) from api_keys`))
}

func TestScopesAreThoseOfTheCreatorNow(t *testing.T) {
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
		"what the role has":         {member, []auth.Permission{access.NotesRead, access.UsersRead}, errors.Code{}},
		"what it has not":           {member, []auth.Permission{access.NotesRead, access.UsersWrite}, errors.CodePermissionDenied},
		"a role without keys":       {viewer, readNotes, errors.CodePermissionDenied},
		"what the role had":         {demoted, []auth.Permission{access.AuditRead}, errors.CodePermissionDenied},
		"what the role still has":   {demoted, readNotes, errors.Code{}},
		"who is no member any more": {removed, readNotes, errors.CodeTenantAccessDenied},
	}
	for name, tt := range tests {
		_, err := f.Create(apptest.As(t, tt.by), tt.by, apikeys.Draft{Name: "a", Scopes: tt.scopes})
		if tt.want == (errors.Code{}) {
			assert.NoError(t, err, name)
			continue
		}
		assert.True(t, errors.HasCode(err, tt.want), "%s: %v", name, err)
	}
	assert.Equal(t, 2, f.Count(t, `select count(*) from api_keys`))
	assert.Equal(t, 2, f.Count(t, `select count(*) from audit_events`))
}

func TestKeyMakesNoKeys(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	owner := f.Member(t, f.Tenant(t), access.RoleOwner)
	_, key := f.create(t, owner, manageKeys...)
	p, err := f.Authenticate(t.Context(), key)
	require.NoError(t, err)
	f.call(t, p, "POST", "/v1/api-keys", `{"name":"a","scopes":["notes:read"]}`).Problem(t, errors.CodeAuthorization)
	other, _ := f.create(t, owner, readNotes...)
	f.call(t, p, "DELETE", "/v1/api-keys/"+other.ID.String(), "").Problem(t, errors.CodeAuthorization)
	assert.Equal(t, 204, f.call(t, p, "DELETE", "/v1/api-keys/"+key.ID().String(), "").Status, "but ends itself")
	assert.Equal(t, 1, f.Count(t, `select count(*) from audit_events where event = 'api_key_revoked' and api_key_id = $1`, key.ID()))
}

func TestNumberOfKeysIsBounded(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	tenant := f.Tenant(t)
	p := f.Member(t, tenant, access.RoleMember)
	insert := `insert into api_keys (id, tenant_id, user_id, name, hash, hint, scopes, expires_at, revoked_at)
		select gen_random_uuid(), $1, $2, 'a', sha256(gen_random_uuid()::text::bytea), '', '{notes:read}', now() + $3 * interval '1 day', `
	f.Exec(t, insert+`null from generate_series(1, $4)`, tenant, p.UserID, 1, apikeys.MaxKeys-3)
	f.Exec(t, insert+`null from generate_series(1, $4)`, tenant, p.UserID, -1, apikeys.MaxKeys)
	f.Exec(t, insert+`now() from generate_series(1, $4)`, tenant, p.UserID, 1, apikeys.MaxKeys)
	var made, refused atomic.Int64
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			switch _, err := f.Create(apptest.As(t, p), p, apikeys.Draft{Name: "a", Scopes: readNotes}); {
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
	f.create(t, other, readNotes...)
}
