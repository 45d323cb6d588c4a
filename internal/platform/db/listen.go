package db

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lib/pq"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

const (
	heartbeat        = 250 * time.Millisecond // between two notifications through the pool
	heartbeatTimeout = 500 * time.Millisecond // for one to be sent, and to arrive
	lateTimeout      = 50 * time.Millisecond  // for one that arrived while this process was suspended

	firstListenPause = 50 * time.Millisecond // before another attempt to connect; doubled up to maxListenPause
	maxListenPause   = time.Second
)

var (
	errListenerLost = errors.Sentinel("the connection was lost")
	errNotDelivered = errors.Sentinel("a notification sent through the pool did not arrive in time: if this is " +
		"repeated, DATABASE_LISTEN_URL must bypass a pooler in transaction mode and name the same database")
)

// ListenOptions are the channels and the callbacks of [Pool.Listen]; all but Log are required.
// Callbacks run one at a time and must return soon: while one runs, neither a notification nor the
// loss of the connection is reported. A panic counts as a loss of the connection, because the
// notification may not have taken effect.
type ListenOptions struct {
	// Channels are the names as in NOTIFY with quotes: 1 to 63 bytes, case-sensitive.
	Channels []string
	// OnNotify is called for each notification, in the order of the commits.
	OnNotify func(channel, payload string)
	// OnState is called with true when a notification of the pool has arrived on a new connection:
	// later commits are notified, earlier ones are visible to a query. It is called with false
	// within a second of the loss of the connection, also when the network is silent, and at the
	// end. Calls alternate, beginning with true.
	OnState func(connected bool)
	// OnAlive is called for each notification of the pool that arrives, every 250 ms, with the time
	// at which it was sent: all notifications of commits before then have been handled.
	OnAlive func(at time.Time)
	// Log receives listener_connected and listener_disconnected. The zero value is the logger of
	// this package.
	Log logging.Logger
}

// Listen receives notifications until ctx ends, and then returns nil with nothing left running. It
// has its own connection, to cfg.ListenURL if set. With each heartbeat it checks that a
// notification of the pool arrives: a pooler in transaction mode accepts LISTEN and drops
// notifications. It reconnects at once, then with pauses of up to a second, without end. It returns
// an error only for a DSN that can never work. Run it in a goroutine.
//
// Notifications that are sent while the connection is lost are not repeated. A cache must therefore
// not be used while the state is false, and must be reloaded from the database when it becomes
// true.
//
// It does not use pq.Listener, which ignores a LISTEN that failed with its connection, blocks in
// Ping and Close when the network is silent, and panics on an unexpected error.
func (p *Pool) Listen(ctx context.Context, cfg Config, o ListenOptions) error {
	o.Log = orDefault(o.Log)
	if !cfg.ListenURL.IsZero() {
		cfg.URL = cfg.ListenURL
	}
	c, err := newConnector(ctx, cfg, "-listen", o.Log)
	if err != nil {
		return err
	}
	l := &listener{
		ListenOptions: o, connector: c, database: Redact(cfg.URL.Reveal()), pool: p, probe: "listener_" + NewID().String(),
	}
	l.run(ctx)
	return nil
}

type listener struct {
	ListenOptions
	connector *connector
	database  string
	pool      *Pool
	probe     string // channel of this listener alone

	asked     atomic.Pointer[time.Time] // when the last notification to probe was sent
	callbacks atomic.Int64              // begins and ends of callbacks
}

// run keeps a session open. It logs the beginning of an outage as a warning and further attempts at
// debug.
func (l *listener) run(ctx context.Context) {
	logged := false
	limit := firstListenPause
	for {
		began := time.Now()
		listened, err := l.session(ctx)
		if ctx.Err() != nil {
			return
		}
		fields := []logging.Field{logging.String("database", l.database), logging.Err(describe(err))}
		if listened || !logged {
			l.Log.Warn(ctx, "listener_disconnected", fields...)
		} else {
			l.Log.Debug(ctx, "listener_attempt_failed", fields...)
		}
		logged = true
		if listened && time.Since(began) >= maxListenPause { // not a session that ends as soon as it begins
			limit = firstListenPause
			continue
		}
		if !pause(ctx, limit) {
			return
		}
		limit = min(2*limit, maxListenPause)
	}
}

// session uses one connection until it ends. It reports whether LISTEN was in effect, and the
// reason of the end.
//
// lib/pq reads only while it waits for an answer. The session waits for the answer to a statement
// that it never sends, so each notification is handled when it arrives.
func (l *listener) session(ctx context.Context) (listened bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // closes the connection
	d := &listenDialer{ctx: ctx}
	conn, err := l.connector.connect(ctx, d)
	if err != nil {
		return false, err
	}
	defer func() { _ = d.conn.Close() }()                                     // before this returns
	_ = d.conn.SetDeadline(time.Now().Add(l.connector.cfg.ConnectTimeout))    // a closed connection fails below as well
	_, err = conn.ExecContext(context.WithoutCancel(ctx), l.statement(), nil) // ctx closes the connection
	if err != nil {
		return false, fmt.Errorf("%w: %w", errListenerLost, describe(err))
	}
	_ = d.conn.SetDeadline(time.Time{})
	arrived := make(chan struct{}, 1)
	checked := make(chan error, 1)
	go func() {
		checked <- l.check(ctx, arrived)
		_ = d.conn.Close()
	}()
	notify := func(n *pq.Notification) {
		l.callbacks.Add(1)
		defer l.callbacks.Add(1)
		switch {
		case n.Channel == l.probe:
			if !listened {
				listened = true
				l.Log.Info(ctx, "listener_connected",
					logging.String("database", l.database), logging.Int("channels", len(l.Channels)))
				l.OnState(true)
			}
			l.OnAlive(*l.asked.Load())
			select {
			case arrived <- struct{}{}:
			default:
			}
		case listened: // what came before is visible to a query
			l.OnNotify(n.Channel, n.Extra)
		}
	}
	var failed error
	// Notifications since LISTEN are buffered by the connection.
	pq.SetNotificationHandler(conn, func(n *pq.Notification) {
		if failed != nil {
			return // the session ends after a notification that had no effect
		}
		if failed = recovered(func() { notify(n) }); failed != nil {
			_ = d.conn.Close()
		}
	})
	d.conn.muted.Store(true)
	_, err = conn.ExecContext(context.WithoutCancel(ctx), ";", nil)
	err = fmt.Errorf("%w: %w", errListenerLost, describe(err))
	cancel()
	if reason := errors.Join(<-checked, failed); reason != nil {
		err = reason
	}
	if listened {
		err = errors.Join(err, recovered(func() { l.OnState(false) }))
	}
	return listened, err
}

// check sends a notification through the pool with each heartbeat, until one does not arrive or ctx
// ends. The health check's connection does not queue behind a full pool.
func (l *listener) check(ctx context.Context, arrived <-chan struct{}) error {
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for {
		limit, cancel := context.WithTimeout(ctx, heartbeatTimeout)
		asked := time.Now()
		l.asked.Store(&asked)
		_, err := l.pool.probe.ExecContext(limit, "select pg_notify($1, '')", l.probe)
		if err == nil {
			err = l.await(ctx, arrived)
		} else {
			err = fmt.Errorf("send a notification through the pool: %w", describe(err))
		}
		cancel()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// await waits for the notification of [listener.check]. Callbacks delay it.
func (l *listener) await(ctx context.Context, arrived <-chan struct{}) error {
	timeout := heartbeatTimeout
	for seen := l.callbacks.Load(); ; {
		select {
		case <-arrived:
			return nil
		case <-ctx.Done():
			return nil
		case <-time.After(timeout):
		}
		now := l.callbacks.Load()
		running := now%2 != 0
		switch {
		case now != seen || running:
			seen, timeout = now, heartbeatTimeout
		case timeout == lateTimeout:
			return errNotDelivered
		default:
			timeout = lateTimeout
		}
	}
}

// statement returns the statements that begin a session. They take effect together, in one
// transaction.
func (l *listener) statement() string {
	var b strings.Builder
	b.WriteString("set idle_session_timeout = 0;")
	for _, name := range append([]string{l.probe}, l.Channels...) {
		b.WriteString("listen " + pq.QuoteIdentifier(name) + ";")
	}
	return b.String()
}

// listenDialer makes a connection that is closed when its ctx ends.
type listenDialer struct {
	dialer
	ctx  context.Context //nolint:containedctx // of the connection, not of the dial
	conn *mutedConn
}

// DialContext implements [pq.DialerContext].
func (d *listenDialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := d.dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	d.conn = &mutedConn{Conn: conn}
	context.AfterFunc(d.ctx, func() { _ = d.conn.Close() }) //nolint:contextcheck // not that of the dial
	return d.conn, nil
}

// mutedConn is a connection that sends nothing once it is muted.
type mutedConn struct {
	net.Conn
	muted atomic.Bool
}

// Write implements [net.Conn].
func (c *mutedConn) Write(p []byte) (int, error) {
	if c.muted.Load() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}
