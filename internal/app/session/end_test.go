package session_test

import (
	"context"
	"database/sql"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/session"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

func TestList(t *testing.T) {
	t.Parallel()
	r, admin := one(t)
	m := newMember(t, admin, access.RoleOwner)
	other := newMember(t, admin, access.RoleOwner)
	elsewhere := join(t, admin, m.user, access.RoleViewer)
	phone, err := r.Open(t.Context(), m.tenant, m.user, session.Client{RemoteIP: "2001:db8::1", UserAgent: strings.Repeat("é", 300) + "\xff\x00"})
	require.NoError(t, err)
	tokens := r.open(t, m)
	gone, revoked := r.open(t, m), r.open(t, m)
	r.open(t, other)
	r.open(t, elsewhere)
	run(t, admin, `update sessions set idle_expires_at = now() where id = $1`, gone.SessionID)
	p := r.principal(t, tokens)
	require.NoError(t, r.End(m.ctx(t), p, revoked.SessionID))

	list, err := r.List(m.ctx(t), p)
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
	list, err = r.List(m.ctx(t), p)
	require.NoError(t, err)
	assert.Equal(t, phone.SessionID, list[0].ID, "the last used one comes first")
	assert.Equal(t, laptop.RemoteIP, list[0].RemoteIP, "with where it was used from")
}

func TestEnd(t *testing.T) {
	t.Parallel()
	r, admin := one(t)
	m, other := newMember(t, admin, access.RoleOwner), newMember(t, admin, access.RoleOwner)
	colleague := newMember(t, admin, access.RoleViewer)
	run(t, admin, `insert into members (tenant_id, user_id, role) values ($1, $2, 'viewer')`, m.tenant, colleague.user)
	mine, lost := r.open(t, m), r.open(t, m)
	theirs, hers := r.open(t, other), r.open(t, member{m.tenant, colleague.user})
	p := r.principal(t, mine)

	for name, id := range map[string]uuid.UUID{"another tenant's": theirs.SessionID, "a colleague's": hers.SessionID, "nobody's": uuid.New()} {
		err := r.End(m.ctx(t), p, id)
		assert.True(t, errors.HasCode(err, errors.CodeNotFound), "%s: %v", name, err)
	}
	require.NoError(t, r.End(m.ctx(t), p, lost.SessionID))
	err := r.End(m.ctx(t), p, lost.SessionID)
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
	r, admin := one(t)
	m := newMember(t, admin, access.RoleOwner)
	mine, other := r.open(t, m), r.open(t, m)
	p := r.principal(t, mine)
	for range 2 {
		require.NoError(t, r.Logout(m.ctx(t), p))
	}
	require.NoError(t, r.Logout(m.ctx(t), auth.Principal{UserID: m.user, TenantID: m.tenant}), "a token without a session")
	r.stale(t, mine)
	r.refused(t, mine, errors.CodeTokenRevoked)
	r.principal(t, other)
	assert.Len(t, r.trail.of("session_revoked"), 1)
}

func TestLogoutAll(t *testing.T) {
	t.Parallel()
	r, admin := one(t)
	m, other := newMember(t, admin, access.RoleOwner), newMember(t, admin, access.RoleOwner)
	elsewhere := join(t, admin, m.user, access.RoleViewer)
	all := []session.Tokens{r.open(t, m), r.open(t, m), r.open(t, elsewhere)}
	theirs := r.open(t, other)
	require.NoError(t, r.LogoutAll(m.ctx(t), m.user))
	for _, tokens := range all {
		r.stale(t, tokens)
		r.refused(t, tokens, errors.CodeTokenRevoked)
	}
	r.principal(t, theirs)
	r.refresh(t, theirs)
	assert.Len(t, r.trail.of("session_revoked"), 3)
}

func TestRevokeMember(t *testing.T) {
	t.Parallel()
	r, admin := one(t)
	boss, m := newMember(t, admin, access.RoleOwner), newMember(t, admin, access.RoleMember)
	run(t, admin, `insert into members (tenant_id, user_id, role) values ($1, $2, 'member')`, boss.tenant, m.user)
	here, elsewhere, bosses := r.open(t, member{boss.tenant, m.user}), r.open(t, m), r.open(t, boss)

	undone := errors.Sentinel("undone")
	remove := func(result error) error {
		ctx := auth.WithPrincipal(boss.ctx(t), r.principal(t, bosses))
		return r.pool.InTenant(ctx, func(ctx context.Context) error {
			if err := r.RevokeMember(ctx, m.user, "member_removed"); err != nil {
				return err
			}
			if _, err := db.Exec(ctx, r.pool, `delete from members where user_id = $1`, m.user); err != nil {
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
	assert.Equal(t, boss.user, last.ActorID, "whoever did it")
	_, err := r.Open(t.Context(), boss.tenant, m.user, laptop)
	assert.True(t, errors.HasCode(err, errors.CodeTenantAccessDenied), err)
}

func TestRenew(t *testing.T) {
	t.Parallel()
	r, admin := one(t)
	m, other := newMember(t, admin, access.RoleAdmin), newMember(t, admin, access.RoleOwner)
	first, theirs := r.open(t, m), r.open(t, other)
	second := r.refresh(t, first)
	require.NoError(t, r.pool.InTenant(m.ctx(t), func(ctx context.Context) error {
		if _, err := db.Exec(ctx, r.pool, `update members set role = 'viewer' where user_id = $1`, m.user); err != nil {
			return err
		}
		return r.Renew(ctx, m.user)
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
	r, admin := one(t)
	m := newMember(t, admin, access.RoleMember)
	opened := make(chan error, 1)
	require.NoError(t, r.pool.InTenant(m.ctx(t), func(ctx context.Context) error {
		if err := r.RevokeMember(ctx, m.user, "member_removed"); err != nil {
			return err
		}
		go func() { //nolint:contextcheck // a request of its own
			_, err := r.Open(t.Context(), m.tenant, m.user, laptop)
			opened <- err
		}()
		waitForLock(t, admin) //nolint:contextcheck // asks outside of the transaction
		_, err := db.Exec(ctx, r.pool, `delete from members where user_id = $1`, m.user)
		return err
	}))
	err := <-opened
	assert.True(t, errors.HasCode(err, errors.CodeTenantAccessDenied), err)
	assert.Zero(t, count(t, admin, `select count(*) from sessions`))
}

func TestSessionsOfAMemberAreBounded(t *testing.T) {
	t.Parallel()
	r, admin := one(t)
	m := newMember(t, admin, access.RoleMember)
	oldest := r.open(t, m)
	run(t, admin, `insert into sessions (id, tenant_id, user_id, family, seed, refresh_hash, remote_ip, user_agent, idle_expires_at, expires_at)
		select gen_random_uuid(), tenant_id, user_id, family, seed, refresh_hash, '', '', idle_expires_at, expires_at
		from sessions, generate_series(1, $1::int)`, session.MaxSessions-1)
	r.principal(t, oldest)
	newest := r.open(t, m)
	r.stale(t, oldest)
	list, err := r.List(m.ctx(t), r.principal(t, newest))
	require.NoError(t, err)
	assert.Len(t, list, session.MaxSessions)
	assert.Contains(t, ids(list), newest.SessionID)

	run(t, admin, `update sessions set idle_expires_at = now() - interval '2 days', expires_at = now() where id <> $1`, newest.SessionID)
	r.open(t, m)
	assert.Equal(t, 2, count(t, admin, `select count(*) from sessions`), "what ended long ago is forgotten")
}

func TestOldRevocationsAreForgotten(t *testing.T) {
	t.Parallel()
	r, admin := one(t)
	m := newMember(t, admin, access.RoleMember)
	require.NoError(t, r.Logout(m.ctx(t), r.principal(t, r.open(t, m))))
	run(t, admin, `update revoked_sessions set expires_at = now() - interval '1 second'`)
	last := r.open(t, m)
	require.NoError(t, r.Logout(m.ctx(t), r.principal(t, last)))
	assert.Equal(t, 1, count(t, admin, `select count(*) from revoked_sessions where session_id = $1`, last.SessionID))
	assert.Equal(t, 1, count(t, admin, `select count(*) from revoked_sessions`))
}

// The replica that revokes knows at once, but not before the commit.
func TestOwnRevocations(t *testing.T) {
	t.Parallel()
	r, admin := one(t)
	m := newMember(t, admin, access.RoleMember)
	first, second := r.principal(t, r.open(t, m)), r.principal(t, r.open(t, m))
	undone := errors.Sentinel("undone")
	for _, result := range []error{undone, nil} {
		err := r.pool.InTenant(m.ctx(t), func(ctx context.Context) error {
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
func waitForLock(t testing.TB, admin *sql.DB) {
	t.Helper()
	eventually(t, func() bool {
		return count(t, admin, `select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`) > 0
	})
}
