package session_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/app/session"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
	"github.com/netrun-systems/go-service-template/internal/platform/server"
)

func TestList(t *testing.T) {
	t.Parallel()
	r, d := one(t)
	m := d.Member(t, d.Tenant(t), access.RoleOwner)
	other := d.Member(t, d.Tenant(t), access.RoleOwner)
	elsewhere := d.Join(t, d.Tenant(t), m.UserID, access.RoleViewer)
	phone, err := r.Open(server.WithClient(t.Context(), server.Client{RemoteIP: "2001:db8::1", UserAgent: strings.Repeat("é", 300) + "\xff\x00"}), m.TenantID, m.UserID)
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
		by := r.principal(t, bosses)
		ctx := apptest.As(t, by)
		return r.pool.InTenant(ctx, func(ctx context.Context) error {
			if err := r.RevokeMember(ctx, by, m.UserID, "member_removed"); err != nil {
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
	_, err := r.Open(server.WithClient(t.Context(), laptop), boss.TenantID, m.UserID)
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

// A login and a concurrent removal of the member leave no session: one waits for the other.
func TestOpenWaitsForRemoval(t *testing.T) {
	t.Parallel()
	r, d := one(t)
	m := d.Member(t, d.Tenant(t), access.RoleMember)
	opened := make(chan error, 1)
	require.NoError(t, r.pool.InTenant(apptest.As(t, m), func(ctx context.Context) error {
		if err := r.RevokeMember(ctx, m, m.UserID, "member_removed"); err != nil {
			return err
		}
		go func() { //nolint:contextcheck // a request of its own
			_, err := r.Open(server.WithClient(t.Context(), laptop), m.TenantID, m.UserID)
			opened <- err
		}()
		d.AwaitLock(t) //nolint:contextcheck // asks outside of the transaction
		_, err := db.Exec(ctx, r.pool, `delete from members where user_id = $1`, m.UserID)
		return err
	}))
	err := <-opened
	assert.True(t, errors.HasCode(err, errors.CodeTenantAccessDenied), err)
	assert.Zero(t, d.Count(t, `select count(*) from sessions`))
}

func TestNumberOfSessionsIsLimited(t *testing.T) {
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
}

// A login reads the active sessions of the member only. Without an index on these it reads all.
func TestOpenDoesNotReadRevokedSessions(t *testing.T) {
	t.Parallel()
	r, d := one(t)
	m := d.Member(t, d.Tenant(t), access.RoleMember)
	r.open(t, m)
	d.Exec(t, `insert into sessions (id, tenant_id, user_id, family, seed, refresh_hash, remote_ip, user_agent, idle_expires_at, expires_at,
			last_used_at, revoked_at, revoked_reason)
		select gen_random_uuid(), tenant_id, user_id, family, seed, refresh_hash, '', '', idle_expires_at, expires_at,
			now() - i * interval '1 second', now(), 'logout'
		from sessions, generate_series(1, 20000) i`)
	d.Exec(t, `vacuum analyze sessions`)
	err := d.Pool.InTenant(apptest.As(t, m), func(ctx context.Context) error {
		count := func() (n int64, err error) {
			return db.One[int64](ctx, d.Pool, `
				select (pg_stat_get_xact_tuples_returned('sessions'::regclass) + sum(pg_stat_get_xact_tuples_returned(indexrelid)))::bigint
				from pg_index where indrelid = 'sessions'::regclass`)
		}
		before, err := count()
		require.NoError(t, err)
		_, err = r.Open(ctx, m.TenantID, m.UserID)
		require.NoError(t, err)
		after, err := count()
		require.NoError(t, err)
		assert.Less(t, after-before, int64(200), "rows read by a login")
		return nil
	})
	require.NoError(t, err)
}

func TestRevocationIsKnownAfterCommit(t *testing.T) {
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

var errNotYet = errors.Sentinel("not yet")

func eventually(t testing.TB, check func() bool) {
	t.Helper()
	platformtest.Eventually(t, 20*time.Second, func() error {
		if !check() {
			return errNotYet
		}
		return nil
	})
}

// watch runs Watch until the end of the test, and returns when the list is complete.
func (r *replica) watch(t testing.TB, dsn string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	listen := func(ctx context.Context, o db.ListenOptions) error {
		return r.pool.Listen(ctx, apptest.Settings(dsn), o)
	}
	go func() { done <- r.Watch(ctx, listen) }()
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			cancel()
			require.NoError(t, <-done)
		}
	}
	t.Cleanup(stop)
	eventually(t, func() bool { return r.complete(t) })
	return stop
}

func TestWatchReceivesRevocationsOfOtherReplica(t *testing.T) {
	t.Parallel()
	d := apptest.NewDatabase(t)
	a, b := newReplica(t, d.Pool), newReplica(t, apptest.Pool(t, d.DSN))
	m := d.Member(t, d.Tenant(t), access.RoleOwner)
	before, first, second := a.open(t, m), a.open(t, m), a.open(t, m)
	require.NoError(t, a.Logout(apptest.As(t, m), a.principal(t, before)))

	proxy := platformtest.NewProxy(t, platformtest.Target(t, d.DSN))
	stop := b.watch(t, proxy.DSN(d.DSN))
	b.stale(t, before)

	p := b.principal(t, first)
	require.NoError(t, a.Logout(apptest.As(t, m), p))
	began := time.Now()
	eventually(t, func() bool { return b.listed(t, p.SessionID) })
	assert.Less(t, time.Since(began), time.Second)
	b.stale(t, first)

	// What is revoked while nobody listens is not missed: first it is looked up, then it is in the
	// list that is read anew.
	proxy.Cut()
	eventually(t, func() bool { return !b.complete(t) })
	q := b.principal(t, second)
	require.NoError(t, a.Logout(apptest.As(t, m), q))
	b.stale(t, second)
	assert.False(t, b.listed(t, q.SessionID))
	proxy.Restore()
	eventually(t, func() bool { return b.complete(t) })
	assert.True(t, b.listed(t, q.SessionID))
	b.stale(t, second)

	stop()
	assert.False(t, b.complete(t), "nobody keeps the list complete any more")
}

func TestListIsIncompleteUntilItIsRead(t *testing.T) {
	t.Parallel()
	r, d := one(t)
	d.Exec(t, `alter table revoked_sessions rename to away`)
	listening, connected := make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- r.Watch(ctx, func(ctx context.Context, o db.ListenOptions) error {
			close(listening)
			o.OnState(true)
			o.OnAlive(time.Now())
			close(connected)
			<-ctx.Done()
			return nil
		})
	}()
	<-listening
	assert.False(t, r.complete(t))
	d.Exec(t, `alter table away rename to revoked_sessions`)
	<-connected
	assert.True(t, r.complete(t))
	cancel()
	require.NoError(t, <-done)
}

func TestWatchEndsWhileReading(t *testing.T) {
	t.Parallel()
	r, d := one(t)
	d.Exec(t, `drop table revoked_sessions`)
	ctx, cancel := context.WithCancel(t.Context())
	require.NoError(t, r.Watch(ctx, func(_ context.Context, o db.ListenOptions) error {
		time.AfterFunc(50*time.Millisecond, cancel)
		o.OnState(true)
		return nil
	}))
	assert.False(t, r.complete(t))
}

func TestParseNotification(t *testing.T) {
	t.Parallel()
	id := uuid.New()
	for payload, want := range map[string]bool{
		id.String() + " 7":                     true,
		id.String() + " 9223372036854775807":   true,
		id.String() + " 9223372036854775808":   false,
		id.String():                            false,
		id.String() + " ":                      false,
		id.String() + " 7 ":                    false,
		"{" + id.String() + "} 7":              false,
		"":                                     false,
		"019b0000_0000_7000_8000_0000000000 1": false,
	} {
		got, _, ok := session.ParseNotification(payload)
		assert.Equal(t, want, ok, payload)
		if want {
			assert.Equal(t, id, got)
		}
	}
	r, _ := one(t)
	require.NoError(t, r.Watch(t.Context(), func(_ context.Context, o db.ListenOptions) error {
		o.OnNotify(o.Channels[0], "nonsense")
		o.OnNotify(o.Channels[0], id.String()+" 3")
		return nil
	}))
	assert.True(t, r.listed(t, id))
}

func FuzzParseNotification(f *testing.F) {
	f.Add("019b0000-0000-7000-8000-000000000001 1")
	f.Add("019b0000-0000-7000-8000-000000000001 " + "9223372036854775807")
	f.Add("x y")
	f.Fuzz(func(t *testing.T, payload string) {
		id, n, ok := session.ParseNotification(payload)
		if !ok {
			return
		}
		again, m, ok := session.ParseNotification(fmt.Sprintf("%s %d", id, n))
		if !ok || again != id || m != n {
			t.Error("the formatted notification does not parse to the same values")
		}
	})
}
