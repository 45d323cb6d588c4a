package session_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/app/session"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

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
	go func() { done <- r.Watch(ctx, apptest.Settings(dsn), apptest.Role) }()
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

func TestRevocationReachesAnotherReplica(t *testing.T) {
	t.Parallel()
	d := apptest.NewDatabase(t)
	a, b := newReplica(t, d.Pool), newReplica(t, apptest.Pool(t, d.DSN))
	m := d.Member(t, d.Tenant(t), access.RoleOwner)
	before, first, second := a.open(t, m), a.open(t, m), a.open(t, m)
	require.NoError(t, a.Logout(apptest.As(t, m), a.principal(t, before)))

	proxy := platformtest.NewProxy(t, target(t, d.DSN))
	stop := b.watch(t, proxy.DSN(d.DSN))
	b.stale(t, before)

	p := b.principal(t, first)
	require.NoError(t, a.Logout(apptest.As(t, m), p))
	began := time.Now()
	eventually(t, func() bool { return b.listed(t, p.SessionID) })
	assert.Less(t, time.Since(began), time.Second)
	b.stale(t, first)

	// What is revoked while nobody listens is not missed: first it is looked up, then it is in the list that is read anew.
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

func target(t testing.TB, dsn string) string {
	t.Helper()
	host, err := platformtest.Target(dsn)
	require.NoError(t, err)
	return host
}

// The list does not count as complete while it cannot be read.
func TestListIsReadBeforeItCounts(t *testing.T) {
	t.Parallel()
	r, d := one(t)
	d.Exec(t, `alter table revoked_sessions rename to away`)
	listening, connected := make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- r.WatchWith(ctx, func(ctx context.Context, o db.ListenOptions) error {
			close(listening)
			o.OnState(true)
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

func TestWatchEndsWhileItReads(t *testing.T) {
	t.Parallel()
	r, d := one(t)
	d.Exec(t, `drop table revoked_sessions`)
	ctx, cancel := context.WithCancel(t.Context())
	require.NoError(t, r.WatchWith(ctx, func(_ context.Context, o db.ListenOptions) error {
		time.AfterFunc(50*time.Millisecond, cancel)
		o.OnState(true)
		return nil
	}))
	assert.False(t, r.complete(t))
}

func TestNotifications(t *testing.T) {
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
	require.NoError(t, r.WatchWith(t.Context(), func(_ context.Context, o db.ListenOptions) error {
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
			t.Error("what was understood cannot be said")
		}
	})
}
