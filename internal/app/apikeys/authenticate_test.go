package apikeys_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/apikeys"
	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

func TestAuthenticate(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	tenant, elsewhere := f.Tenant(t), f.Tenant(t)
	p := f.Member(t, tenant, access.RoleMember)
	created, key := f.create(t, p, access.NotesRead, access.NotesWrite)
	got, err := f.Authenticate(t.Context(), key)
	require.NoError(t, err)
	assert.Equal(t, auth.Principal{
		UserID: p.UserID, TenantID: tenant, Roles: p.Roles, APIKeyID: created.ID, ExpiresAt: *created.ExpiresAt,
		Scopes: []auth.Permission{access.NotesRead, access.NotesWrite},
	}, got)

	refused := func(name string, key auth.APIKey, want error, known bool) {
		t.Helper()
		got, err := f.Authenticate(t.Context(), key)
		assert.ErrorIs(t, err, want, name)
		assert.Equal(t, known, got.UserID == p.UserID, "%s: the principal is for the trail", name)
	}
	refused("nobody's", auth.NewAPIKey(tenant, uuid.New()), auth.ErrAPIKeyUnknown, false)
	refused("another secret", auth.NewAPIKey(tenant, key.ID()), auth.ErrAPIKeyUnknown, false)
	refused("another tenant", auth.NewAPIKey(elsewhere, key.ID()), auth.ErrAPIKeyUnknown, false)

	_, revoked := f.create(t, p, readNotes...)
	require.NoError(t, f.Revoke(apptest.As(t, p), p, revoked.ID()))
	refused("revoked", revoked, auth.ErrAPIKeyRevoked, true)
	refused("another secret of a revoked one", auth.NewAPIKey(tenant, revoked.ID()), auth.ErrAPIKeyUnknown, false)
	_, expired := f.create(t, p, readNotes...)
	f.Exec(t, `update api_keys set expires_at = now() where id = $1`, expired.ID())
	refused("expired", expired, auth.ErrAPIKeyExpired, true)
	_, endless := f.create(t, p, readNotes...)
	f.Exec(t, `update api_keys set expires_at = null where id = $1`, endless.ID())
	got, err = f.Authenticate(t.Context(), endless)
	require.NoError(t, err)
	assert.True(t, got.ExpiresAt.IsZero())

	f.Exec(t, `delete from members where user_id = $1`, p.UserID)
	refused("of a removed member", key, auth.ErrAPIKeyUnknown, false)
}

// A key follows its owner: what the role loses, the key loses.
func TestKeyHasTheRoleOfNow(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := f.Member(t, f.Tenant(t), access.RoleOwner)
	_, key := f.create(t, p, access.NotesWrite, access.AuditRead)
	for role, want := range map[auth.Role][]auth.Permission{
		access.RoleOwner: {access.AuditRead, access.NotesWrite}, access.RoleMember: {access.NotesWrite}, access.RoleViewer: {},
	} {
		f.Exec(t, `update members set role = $1 where user_id = $2`, role, p.UserID)
		got, err := f.Authenticate(t.Context(), key)
		require.NoError(t, err)
		assert.Equal(t, []auth.Role{role}, got.Roles)
		assert.ElementsMatch(t, want, access.Policy.Granted(got), role)
	}
}

// The middleware of package auth, with the keys of this one.
func TestMiddleware(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := f.Member(t, f.Tenant(t), access.RoleMember)
	_, good := f.create(t, p, readNotes...)
	_, revoked := f.create(t, p, readNotes...)
	require.NoError(t, f.Revoke(apptest.As(t, p), p, revoked.ID()))
	_, expired := f.create(t, p, readNotes...)
	f.Exec(t, `update api_keys set expires_at = now() where id = $1`, expired.ID())
	var rejections []string
	e := echo.New()
	e.HTTPErrorHandler = errors.Handler(nil)
	authenticate := auth.Authenticate(auth.Authentication{APIKey: f.Authenticate, OnRejected: func(_ context.Context, r auth.Rejection) {
		rejections = append(rejections, r.Reason)
		assert.Equal(t, r.Reason != "unknown_api_key", r.Principal.UserID == p.UserID)
	}})
	ok := func(c echo.Context) error { return c.NoContent(http.StatusNoContent) }
	e.GET("/read", ok, authenticate, auth.Require(access.Policy, access.NotesRead))
	e.GET("/write", ok, authenticate, auth.Require(access.Policy, access.NotesWrite))
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
	assert.Equal(t, []string{"revoked_api_key", "expired_api_key", "unknown_api_key"}, rejections)
}

func TestDatabaseThatIsAwayIsNoRefusal(t *testing.T) {
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
	created, key := f.create(t, p, readNotes...)
	use := func() {
		_, err := f.Authenticate(t.Context(), key)
		require.NoError(t, err)
	}
	lastUse := func() *time.Time {
		k, err := f.Get(apptest.As(t, p), p, created.ID)
		require.NoError(t, err)
		return k.LastUsedAt
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.Run(ctx)
	}()
	use()
	platformtest.Eventually(t, soon, func() error {
		if lastUse() == nil {
			return errors.Sentinel("the use is not written down")
		}
		return nil
	})
	first := *lastUse()
	assert.WithinDuration(t, time.Now(), first, time.Minute)
	use()
	assert.Zero(t, f.Pending(), "once a minute")
	assert.Equal(t, first, *lastUse())

	stop()
	<-done
	f.Exec(t, `update api_keys set last_used_at = now() - interval '61 seconds'`)
	for range 3 {
		use()
	}
	assert.Equal(t, 1, f.Pending(), "a key that is used often waits once")
	f.Run(ctx) // has ended: what is left is written down
	assert.Zero(t, f.Pending())
	assert.True(t, lastUse().After(first) || lastUse().Equal(first))
	assert.Zero(t, f.Count(t, `select count(*) from api_keys where last_used_at < now() - interval '60 seconds'`))
}

func TestUseThatCannotBeNotedIsForgotten(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := f.Member(t, f.Tenant(t), access.RoleMember)
	_, key := f.create(t, p, readNotes...)
	_, err := f.Authenticate(t.Context(), key)
	require.NoError(t, err)
	f.Exec(t, `alter table api_keys rename to elsewhere`)
	ended, stop := context.WithCancel(t.Context())
	stop()
	f.Run(ended)
	assert.Zero(t, f.Pending())
}

// The least work a request with a key costs: a transaction with one look-up.
func BenchmarkAuthenticate(b *testing.B) {
	f := newFixture(b)
	p := f.Member(b, f.Tenant(b), access.RoleMember)
	created, err := f.Create(apptest.As(b, p), p, apikeys.Draft{Name: "a", Scopes: readNotes})
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
