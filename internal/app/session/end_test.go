package session_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/app/session"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

func TestList(t *testing.T) {
	t.Parallel()
	r, d := one(t)
	m := d.Member(t, d.Tenant(t), access.RoleOwner)
	other := d.Member(t, d.Tenant(t), access.RoleOwner)
	elsewhere := d.Join(t, d.Tenant(t), m.UserID, access.RoleViewer)
	phone, err := r.Open(t.Context(), m.TenantID, m.UserID, session.Client{RemoteIP: "2001:db8::1", UserAgent: strings.Repeat("é", 300) + "\xff\x00"})
	require.NoError(t, err)
	tokens := r.open(t, m)
	gone, revoked := r.open(t, m), r.open(t, m)
	r.open(t, other)
	r.open(t, elsewhere)
	d.Exec(t, `update sessions set idle_expires_at = now() where id = $1`, gone.SessionID)
	p := r.principal(t, tokens)
	require.NoError(t, r.End(apptest.As(t, m), p, revoked.SessionID))

	list, err := r.List(apptest.As(t, m), p)
	require.NoError(t, err)
	require.Len(t, list, 2, "the own ones of this tenant that go on")
	assert.Equal(t, tokens.SessionID, list[0].ID)
	assert.True(t, list[0].Current)
	assert.Equal(t, laptop.RemoteIP, list[0].RemoteIP)
	assert.Equal(t, laptop.UserAgent, list[0].UserAgent)
	assert.Equal(t, phone.SessionID, list[1].ID)
	assert.False(t, list[1].Current)
	assert.Equal(t, strings.Repeat("é", 256), list[1].UserAgent)
	assert.True(t, list[1].ExpiresAt.After(list[1].LastUsedAt))

	r.refresh(t, phone)
	list, err = r.List(apptest.As(t, m), p)
	require.NoError(t, err)
	assert.Equal(t, phone.SessionID, list[0].ID, "the last used one comes first")
	assert.Equal(t, laptop.RemoteIP, list[0].RemoteIP, "with where it was used from")
}

func TestEnd(t *testing.T) {
	t.Parallel()
	r, d := one(t)
	m, other := d.Member(t, d.Tenant(t), access.RoleOwner), d.Member(t, d.Tenant(t), access.RoleOwner)
	colleague := d.Member(t, m.TenantID, access.RoleViewer)
	mine, lost := r.open(t, m), r.open(t, m)
	theirs, hers := r.open(t, other), r.open(t, colleague)
	p := r.principal(t, mine)

	for name, id := range map[string]uuid.UUID{"another tenant's": theirs.SessionID, "a colleague's": hers.SessionID, "nobody's": uuid.New()} {
		err := r.End(apptest.As(t, m), p, id)
		assert.True(t, errors.HasCode(err, errors.CodeNotFound), "%s: %v", name, err)
	}
	require.NoError(t, r.End(apptest.As(t, m), p, lost.SessionID))
	err := r.End(apptest.As(t, m), p, lost.SessionID)
	assert.True(t, errors.HasCode(err, errors.CodeNotFound), "a second time: %v", err)
	r.stale(t, lost)
	r.refused(t, lost, errors.CodeTokenRevoked)
	for _, tokens := range []session.Tokens{mine, theirs, hers} {
		r.principal(t, tokens)
		r.refresh(t, tokens)
	}
	ended := r.trail.of("session_revoked")
	require.Len(t, ended, 1)
	assert.Equal(t, lost.SessionID.String(), ended[0].TargetID)
	assert.Equal(t, "ended_by_user", ended[0].Reason)
}

func TestLogout(t *testing.T) {
	t.Parallel()
	r, d := one(t)
	m := d.Member(t, d.Tenant(t), access.RoleOwner)
	mine, other := r.open(t, m), r.open(t, m)
	p := r.principal(t, mine)
	for range 2 {
		require.NoError(t, r.Logout(apptest.As(t, m), p))
	}
	require.NoError(t, r.Logout(apptest.As(t, m), auth.Principal{UserID: m.UserID, TenantID: m.TenantID}), "a token without a session")
	r.stale(t, mine)
	r.refused(t, mine, errors.CodeTokenRevoked)
	r.principal(t, other)
	assert.Len(t, r.trail.of("session_revoked"), 1)
}

func TestLogoutAll(t *testing.T) {
	t.Parallel()
	r, d := one(t)
	m, other := d.Member(t, d.Tenant(t), access.RoleOwner), d.Member(t, d.Tenant(t), access.RoleOwner)
	elsewhere := d.Join(t, d.Tenant(t), m.UserID, access.RoleViewer)
	all := []session.Tokens{r.open(t, m), r.open(t, m), r.open(t, elsewhere)}
	theirs := r.open(t, other)
	require.NoError(t, r.LogoutAll(apptest.As(t, m), m.UserID))
	for _, tokens := range all {
		r.stale(t, tokens)
		r.refused(t, tokens, errors.CodeTokenRevoked)
	}
	r.principal(t, theirs)
	r.refresh(t, theirs)
	assert.Len(t, r.trail.of("session_revoked"), 3)
}

func TestLogoutOthers(t *testing.T) {
	t.Parallel()
	r, d := one(t)
	m := d.Member(t, d.Tenant(t), access.RoleOwner)
	elsewhere := d.Join(t, d.Tenant(t), m.UserID, access.RoleViewer)
	kept, ended := r.open(t, m), []session.Tokens{r.open(t, m), r.open(t, elsewhere)}
	require.NoError(t, r.LogoutOthers(apptest.As(t, m), m.UserID, kept.SessionID, "password_changed"))
	r.principal(t, kept)
	r.refresh(t, kept)
	for _, tokens := range ended {
		r.stale(t, tokens)
		r.refused(t, tokens, errors.CodeTokenRevoked)
	}
	revoked := r.trail.of("session_revoked")
	require.Len(t, revoked, 2)
	for _, e := range revoked {
		assert.Equal(t, "password_changed", e.Reason)
	}
}

func TestRevokeMember(t *testing.T) {
	t.Parallel()
	r, d := one(t)
	boss, m := d.Member(t, d.Tenant(t), access.RoleOwner), d.Member(t, d.Tenant(t), access.RoleMember)
	here, elsewhere, bosses := r.open(t, d.Join(t, boss.TenantID, m.UserID, access.RoleMember)), r.open(t, m), r.open(t, boss)

	undone := errors.Sentinel("undone")
	remove := func(result error) error {
		ctx := apptest.As(t, r.principal(t, bosses))
		return r.pool.InTenant(ctx, func(ctx context.Context) error {
			if err := r.RevokeMember(ctx, m.UserID, "member_removed"); err != nil {
				return err
			}
			if _, err := db.Exec(ctx, r.pool, `delete from members where user_id = $1`, m.UserID); err != nil {
				return err
			}
			return result
		})
	}
	require.ErrorIs(t, remove(undone), undone)
	r.principal(t, here)
	require.NoError(t, remove(nil))
	r.stale(t, here)
	r.refused(t, here, errors.CodeTokenRevoked)
	r.refresh(t, elsewhere)
	r.refresh(t, bosses)
	entries := r.trail.of("session_revoked")
	last := entries[len(entries)-1]
	assert.Equal(t, "member_removed", last.Reason)
	assert.Equal(t, boss.UserID, last.ActorID, "whoever did it")
	_, err := r.Open(t.Context(), boss.TenantID, m.UserID, laptop)
	assert.True(t, errors.HasCode(err, errors.CodeTenantAccessDenied), err)
}

func TestRenew(t *testing.T) {
	t.Parallel()
	r, d := one(t)
	m, other := d.Member(t, d.Tenant(t), access.RoleAdmin), d.Member(t, d.Tenant(t), access.RoleOwner)
	first, theirs := r.open(t, m), r.open(t, other)
	second := r.refresh(t, first)
	require.NoError(t, r.pool.InTenant(apptest.As(t, m), func(ctx context.Context) error {
		if _, err := db.Exec(ctx, r.pool, `update members set role = 'viewer' where user_id = $1`, m.UserID); err != nil {
			return err
		}
		return r.Renew(ctx, m.UserID)
	}))
	r.stale(t, first)
	r.stale(t, second)
	r.principal(t, theirs)

	again := r.refresh(t, first) // its answer was lost; a repetition rotates nothing, and is good all the same
	assert.Equal(t, second.RefreshToken, again.RefreshToken)
	for _, tokens := range []session.Tokens{again, r.refresh(t, second)} {
		assert.Equal(t, []auth.Role{access.RoleViewer}, r.principal(t, tokens).Roles)
	}
}

// A login and a removal at the same time leave no session behind: one waits for the other.
func TestOpenWaitsForRemoval(t *testing.T) {
	t.Parallel()
	r, d := one(t)
	m := d.Member(t, d.Tenant(t), access.RoleMember)
	opened := make(chan error, 1)
	require.NoError(t, r.pool.InTenant(apptest.As(t, m), func(ctx context.Context) error {
		if err := r.RevokeMember(ctx, m.UserID, "member_removed"); err != nil {
			return err
		}
		go func() { //nolint:contextcheck // a request of its own
			_, err := r.Open(t.Context(), m.TenantID, m.UserID, laptop)
			opened <- err
		}()
		waitForLock(t, d) //nolint:contextcheck // asks outside of the transaction
		_, err := db.Exec(ctx, r.pool, `delete from members where user_id = $1`, m.UserID)
		return err
	}))
	err := <-opened
	assert.True(t, errors.HasCode(err, errors.CodeTenantAccessDenied), err)
	assert.Zero(t, d.Count(t, `select count(*) from sessions`))
}

func TestSessionsOfAMemberAreBounded(t *testing.T) {
	t.Parallel()
	r, d := one(t)
	m := d.Member(t, d.Tenant(t), access.RoleMember)
	oldest := r.open(t, m)
	d.Exec(t, `insert into sessions (id, tenant_id, user_id, family, seed, refresh_hash, remote_ip, user_agent, idle_expires_at, expires_at)
		select gen_random_uuid(), tenant_id, user_id, family, seed, refresh_hash, '', '', idle_expires_at, expires_at
		from sessions, generate_series(1, $1::int)`, session.MaxSessions-1)
	r.principal(t, oldest)
	newest := r.open(t, m)
	r.stale(t, oldest)
	list, err := r.List(apptest.As(t, m), r.principal(t, newest))
	require.NoError(t, err)
	assert.Len(t, list, session.MaxSessions)
	assert.Contains(t, ids(list), newest.SessionID)

	d.Exec(t, `update sessions set idle_expires_at = now() - interval '2 days', expires_at = now() where id <> $1`, newest.SessionID)
	r.open(t, m)
	assert.Equal(t, 2, d.Count(t, `select count(*) from sessions`), "what ended long ago is forgotten")
}

func TestOldRevocationsAreForgotten(t *testing.T) {
	t.Parallel()
	r, d := one(t)
	m := d.Member(t, d.Tenant(t), access.RoleMember)
	require.NoError(t, r.Logout(apptest.As(t, m), r.principal(t, r.open(t, m))))
	d.Exec(t, `update revoked_sessions set expires_at = now() - interval '1 second'`)
	last := r.open(t, m)
	require.NoError(t, r.Logout(apptest.As(t, m), r.principal(t, last)))
	assert.Equal(t, 1, d.Count(t, `select count(*) from revoked_sessions where session_id = $1`, last.SessionID))
	assert.Equal(t, 1, d.Count(t, `select count(*) from revoked_sessions`))
}

// The replica that revokes knows at once, but not before the commit.
func TestOwnRevocations(t *testing.T) {
	t.Parallel()
	r, d := one(t)
	m := d.Member(t, d.Tenant(t), access.RoleMember)
	first, second := r.principal(t, r.open(t, m)), r.principal(t, r.open(t, m))
	undone := errors.Sentinel("undone")
	for _, result := range []error{undone, nil} {
		err := r.pool.InTenant(apptest.As(t, m), func(ctx context.Context) error {
			if err := r.Logout(ctx, first); err != nil {
				return err
			}
			assert.False(t, r.listed(t, first.SessionID)) //nolint:contextcheck // asks outside of the transaction
			return result
		})
		require.ErrorIs(t, err, result)
		assert.Equal(t, result == nil, r.listed(t, first.SessionID))
	}
	assert.False(t, r.listed(t, second.SessionID))
}

// waitForLock returns when a statement waits for a lock.
func waitForLock(t testing.TB, d *apptest.Database) {
	t.Helper()
	eventually(t, func() bool {
		return d.Count(t, `select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`) > 0
	})
}
