package db_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"database/sql"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lib/pq"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

const channel = `Quoted "name"; select 1`

// listening is a running listener with the notifications and states it has received.
type listening struct {
	stop context.CancelFunc
	done chan error
	log  *recorder

	mu     sync.Mutex
	heard  []string
	states []bool
}

// listen runs a listener until the end of the test, with a log. onState may be nil.
func listen(t testing.TB, dsn string, onState func(connected bool), more ...func(*db.ListenOptions)) *listening {
	t.Helper()
	return listenVia(t, open(t, dsn), dsn, onState, more...)
}

// listenVia is listen with another pool that sends the heartbeats.
func listenVia(
	t testing.TB, pool *db.Pool, dsn string, onState func(connected bool), more ...func(*db.ListenOptions),
) *listening {
	t.Helper()
	record, log := newRecorder(t)
	ctx, stop := context.WithCancel(t.Context())
	l := &listening{stop: stop, done: make(chan error, 1), log: record}
	o := db.ListenOptions{
		Channels: []string{channel, "other"}, Log: log,
		OnNotify: func(channel, payload string) { l.hear(channel + ": " + payload) },
		OnState: func(connected bool) {
			l.mu.Lock()
			l.states = append(l.states, connected)
			l.mu.Unlock()
			if onState != nil {
				onState(connected)
			}
		},
		OnAlive: func(time.Time) {},
	}
	for _, f := range more {
		f(&o)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.done <- pool.Listen(ctx, settings(dsn), o)
	}()
	t.Cleanup(func() {
		stop()
		<-ended
	})
	return l
}

func (l *listening) hear(what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard = append(l.heard, what)
}

func (l *listening) all() ([]string, []bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.heard...), append([]bool(nil), l.states...)
}

// until waits for the nth change of the state.
func (l *listening) until(t testing.TB, changes int) {
	t.Helper()
	platformtest.Eventually(t, 30*time.Second, func() error {
		if _, states := l.all(); len(states) < changes {
			return fmt.Errorf("%d changes of the state instead of %d", len(states), changes)
		}
		return nil
	})
}

// untilHeard waits for n notifications and returns them.
func (l *listening) untilHeard(t testing.TB, n int) (heard []string) {
	t.Helper()
	platformtest.Eventually(t, 30*time.Second, func() error {
		if heard, _ = l.all(); len(heard) < n {
			return fmt.Errorf("%d notifications instead of %d", len(heard), n)
		}
		return nil
	})
	return heard
}

func notify(t testing.TB, admin *sql.DB, channel, payload string) {
	t.Helper()
	_, err := admin.ExecContext(t.Context(), "select pg_notify($1, $2)", channel, payload)
	require.NoError(t, err)
}

func TestListenKeepsTheOrder(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	admin := superuser(t, dsn)
	l := listen(t, dsn, nil)
	l.until(t, 1)
	var want []string
	for i := range 200 {
		notify(t, admin, channel, strconv.Itoa(i))
		want = append(want, channel+": "+strconv.Itoa(i))
	}
	notify(t, admin, "elsewhere", "x")
	notify(t, admin, "other", "last")
	want = append(want, "other: last")
	assert.Equal(t, want, l.untilHeard(t, len(want)))

	start := time.Now()
	notify(t, admin, "other", "soon")
	l.untilHeard(t, len(want)+1)
	assert.Less(t, time.Since(start), 5*time.Second)

	var sessions int
	require.NoError(t, admin.QueryRowContext(t.Context(),
		"select count(*) from pg_stat_activity where datname = current_database() and application_name = 'db-test-listen'").Scan(&sessions))
	assert.Equal(t, 1, sessions)

	l.stop()
	require.NoError(t, <-l.done)
	_, states := l.all()
	assert.Equal(t, []bool{true, false}, states, "the state ends as it began")
	assert.Len(t, l.log.events(t, "listener_connected"), 1)
	assert.Empty(t, l.log.events(t, "listener_disconnected"), "an end that was asked for is none")
}

// A cache that follows the doc comment of Listen is complete, however often the connection is lost.
func TestCacheOverListenIsComplete(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	admin := superuser(t, dsn)
	admin.SetMaxOpenConns(2)
	_, err := admin.ExecContext(t.Context(), "create table log (n int primary key)")
	require.NoError(t, err)
	proxy := platformtest.NewProxy(t, platformtest.Target(t, dsn))

	var mu sync.Mutex
	known := map[int]bool{}
	connected := false
	l := listenVia(t, open(t, dsn), proxy.DSN(dsn), func(now bool) {
		var list []int
		if now {
			rows, err := admin.QueryContext(context.Background(), "select n from log")
			if !assert.NoError(t, err) {
				return
			}
			defer func() { assert.NoError(t, rows.Close()) }()
			for rows.Next() {
				var n int
				assert.NoError(t, rows.Scan(&n))
				list = append(list, n)
			}
			assert.NoError(t, rows.Err())
		}
		mu.Lock()
		defer mu.Unlock()
		connected = now
		for _, n := range list {
			known[n] = true
		}
	}, func(o *db.ListenOptions) {
		o.OnNotify = func(_, payload string) {
			n, err := strconv.Atoi(payload)
			assert.NoError(t, err)
			mu.Lock()
			defer mu.Unlock()
			known[n] = true
		}
	})
	l.until(t, 1)
	const last = 300
	for n := range last {
		if n%60 == 30 {
			proxy.Cut()
		}
		if n%60 == 50 {
			proxy.Restore()
		}
		_, err := admin.ExecContext(t.Context(), "with row as (insert into log values ($1) returning n) select pg_notify('other', n::text) from row", n)
		require.NoError(t, err)
	}
	platformtest.Eventually(t, 30*time.Second, func() error {
		mu.Lock()
		defer mu.Unlock()
		if !connected || len(known) < last {
			return fmt.Errorf("connected %v, %d of %d known", connected, len(known), last)
		}
		return nil
	})
	_, states := l.all()
	assert.Greater(t, len(states), 2, "the connection was lost and came back")
	for i, state := range states {
		assert.Equal(t, i%2 == 0, state, "the states alternate")
	}
}

func TestListenNoticesSilence(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	proxy := platformtest.NewProxy(t, platformtest.Target(t, dsn))
	l := listenVia(t, open(t, dsn), proxy.DSN(dsn)+"&connect_timeout=1", nil)
	l.until(t, 1)
	proxy.Stall()
	start := time.Now()
	l.until(t, 2)
	took := time.Since(start)
	t.Logf("silence was noticed after %s", took.Round(time.Millisecond))
	assert.Less(t, took, 2*time.Second)
	lost := l.log.events(t, "listener_disconnected")
	require.Len(t, lost, 1)
	assert.Equal(t, "warning", lost[0]["level"])
	assert.Contains(t, lost[0]["error"], "did not arrive in time")
	assert.Equal(t, db.Redact(proxy.DSN(dsn)), lost[0]["database"])

	proxy.Restore()
	l.until(t, 3)
	notify(t, superuser(t, dsn), "other", "again")
	assert.Equal(t, []string{"other: again"}, l.untilHeard(t, 1))
	l.stop()
	proxy.Stall()
	start = time.Now()
	require.NoError(t, <-l.done)
	assert.Less(t, time.Since(start), time.Second, "also where nobody answers")
}

// The times of OnAlive are those before the notifications, so that notifications of commits before then have
// been handled.
func TestListenReportsThatItIsAlive(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	began, times := time.Now(), make(chan time.Time)
	listen(t, dsn, nil, func(o *db.ListenOptions) {
		o.OnAlive = func(at time.Time) {
			select {
			case times <- at:
			case <-t.Context().Done():
			}
		}
	})
	last := began
	for range 3 {
		at := <-times
		assert.True(t, at.After(last), "%s is not after %s", at, last)
		assert.False(t, at.After(time.Now()))
		last = at
	}
}

func TestListenEndsWhileItConnects(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	proxy := platformtest.NewProxy(t, platformtest.Target(t, dsn))
	proxy.Stall()
	l := listenVia(t, open(t, dsn), proxy.DSN(dsn)+"&connect_timeout=30", nil)
	platformtest.Eventually(t, 10*time.Second, func() error {
		if proxy.Connections() == 0 {
			return errors.Sentinel("no attempt yet")
		}
		return nil
	})
	l.stop()
	start := time.Now()
	require.NoError(t, <-l.done)
	assert.Less(t, time.Since(start), time.Second)
	_, states := l.all()
	assert.Empty(t, states)
}

func TestListenOutlivesItsBackend(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	admin := superuser(t, dsn)
	l := listen(t, dsn, nil)
	for changes := 1; changes <= 5; changes += 2 {
		l.until(t, changes)
		_, err := admin.ExecContext(t.Context(), `select pg_terminate_backend(pid, 5000) from pg_stat_activity
			where datname = current_database() and application_name = 'db-test-listen'`)
		require.NoError(t, err)
	}
	l.until(t, 7)
	notify(t, admin, "other", "still there")
	assert.Equal(t, []string{"other: still there"}, l.untilHeard(t, 1))
}

func TestListenOutlivesTheServer(t *testing.T) {
	t.Parallel()
	server := platformtest.NewPrivateServer(t)
	setup, err := sql.Open("postgres", server.DSN())
	require.NoError(t, err)
	_, err = setup.ExecContext(t.Context(), schema)
	require.NoError(t, err)
	require.NoError(t, setup.Close()) // before the server is killed
	l := listen(t, server.DSN(), nil)
	l.until(t, 1)
	server.Kill(t)
	l.until(t, 2)
	platformtest.Eventually(t, 10*time.Second, func() error {
		if len(l.log.events(t, "listener_attempt_failed")) < 2 {
			return errors.Sentinel("no other attempt yet")
		}
		return nil
	})
	server.Start(t)
	l.until(t, 3)
	admin, err := sql.Open("postgres", server.DSN())
	require.NoError(t, err)
	notify(t, admin, "other", "up again")
	require.NoError(t, admin.Close())
	assert.Equal(t, []string{"other: up again"}, l.untilHeard(t, 1))
	assert.Len(t, l.log.events(t, "listener_disconnected"), 1, "one warning for one outage")
}

func TestPanicInOnNotifyReconnects(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	admin := superuser(t, dsn)
	times := 0
	l := listen(t, dsn, nil, func(o *db.ListenOptions) {
		heard := o.OnNotify
		o.OnNotify = func(channel, payload string) {
			if times++; times == 1 {
				panic("in OnNotify")
			}
			heard(channel, payload)
		}
	})
	l.until(t, 1)
	_, err := admin.ExecContext(t.Context(), "notify other, 'one'; notify other, 'two'")
	require.NoError(t, err)
	l.until(t, 3)
	heard, states := l.all()
	assert.Empty(t, heard, "the notification after the lost one is not delivered")
	assert.Equal(t, []bool{true, false, true}, states)
	lost := l.log.events(t, "listener_disconnected")
	require.Len(t, lost, 1)
	assert.Contains(t, lost[0]["error"], "panic: in OnNotify")
	notify(t, admin, "other", "three")
	assert.Equal(t, []string{"other: three"}, l.untilHeard(t, 1))
}

func TestListenWaitsForASlowListener(t *testing.T) {
	t.Parallel()
	const slow = time.Second // longer than a heartbeat may take
	dsn := database(t)
	admin := superuser(t, dsn)
	var alive atomic.Int64
	l := listen(t, dsn, func(bool) { time.Sleep(slow) }, func(o *db.ListenOptions) {
		heard := o.OnNotify
		o.OnNotify = func(channel, payload string) {
			time.Sleep(slow)
			heard(channel, payload)
		}
		o.OnAlive = func(time.Time) {
			if alive.Add(1) == 1 {
				time.Sleep(slow)
			}
		}
	})
	platformtest.Eventually(t, 30*time.Second, func() error {
		if alive.Load() < 3 {
			return errors.Sentinel("the session has not got past its slow beginning")
		}
		return nil
	})
	_, err := admin.ExecContext(t.Context(), "notify other, 'one'; notify other, 'two'")
	require.NoError(t, err)
	assert.Equal(t, []string{"other: one", "other: two"}, l.untilHeard(t, 2))
	notify(t, admin, "other", "three")
	l.untilHeard(t, 3)
	_, states := l.all()
	assert.Equal(t, []bool{true}, states, "that the server had to wait is no loss")
}

// Heartbeats are delayed below TLS, whose records must stay in order.
func TestListenOverTLS(t *testing.T) {
	t.Parallel()
	server := platformtest.NewPrivateServer(t)
	admin, err := sql.Open("postgres", server.DSN())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, admin.Close()) })
	certificate, key := selfSigned(t)
	for name, text := range map[string]string{"server.crt": certificate, "server.key": key} {
		_, err := admin.ExecContext(t.Context(), "copy (select unnest(string_to_array("+pq.QuoteLiteral(text)+", E'\n'))) to program "+
			pq.QuoteLiteral("umask 077; cat > "+name)) // in the directory of the data
		require.NoError(t, err)
	}
	_, err = admin.ExecContext(t.Context(), "alter system set ssl = on")
	require.NoError(t, err)
	_, err = admin.ExecContext(t.Context(), "select pg_reload_conf()")
	require.NoError(t, err)
	dsn, err := url.Parse(server.DSN())
	require.NoError(t, err)
	query := dsn.Query()
	query.Set("sslmode", "require")
	dsn.RawQuery = query.Encode()

	_, err = admin.ExecContext(t.Context(), schema)
	require.NoError(t, err)
	l := listen(t, dsn.String(), nil)
	l.until(t, 1)
	const beats = 8
	for i := range beats { // over several heartbeats, some of them at the same time as a notification
		notify(t, admin, "other", strconv.Itoa(i))
		l.untilHeard(t, i+1)
		time.Sleep(240 * time.Millisecond)
	}
	_, states := l.all()
	assert.Equal(t, []bool{true}, states)
	var tls bool
	require.NoError(t, admin.QueryRowContext(t.Context(),
		"select ssl from pg_stat_ssl join pg_stat_activity using (pid) where application_name = 'db-test-listen'").Scan(&tls))
	assert.True(t, tls)
}

// selfSigned returns a certificate for this machine and its key, in PEM.
func selfSigned(t testing.TB) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, private.Public(), private)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
}

func TestListenRefusesUnreadableDSN(t *testing.T) {
	t.Parallel()
	err := new(db.Pool).Listen(t.Context(), settings("mysql://u:canary@h/d"), db.ListenOptions{Log: quiet(t)})
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "canary")
}

// A refused login may be accepted later, so it is tried again.
func TestListenRetriesWithoutEnd(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	l := listenVia(t, open(t, dsn), platformtest.As(t, dsn, "nobody_at_all", "canary"), nil)
	platformtest.Eventually(t, 20*time.Second, func() error {
		if len(l.log.events(t, "listener_attempt_failed")) < 3 {
			return errors.Sentinel("no three attempts yet")
		}
		return nil
	})
	assert.Len(t, l.log.events(t, "listener_disconnected"), 1)
	assert.NotContains(t, l.log.String(), "canary")
	_, states := l.all()
	assert.Empty(t, states)
}
