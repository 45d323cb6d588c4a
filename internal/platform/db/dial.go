package db

import (
	"context"
	"net"
	"sync/atomic"
	"time"
)

// dialTimeout bounds the connection attempt, the TLS and the PostgreSQL handshake, where the DSN does not say
// connect_timeout: lib/pq's handshake does not listen to ctx.
const dialTimeout = 5 * time.Second

// dialer gives lib/pq a connection that notices a dead peer, and keeps it for the driver connection above it, which is to
// close it where the server no longer answers. lib/pq may dial several times until it has a connection, the last of which
// counts, and dials again later to cancel statements.
type dialer struct {
	conn      net.Conn
	connected atomic.Bool
}

var netDialer = net.Dialer{
	KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3},
	Control:         setUserTimeout,
}

// Dial implements [pq.Dialer].
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	return d.DialTimeout(network, address, dialTimeout)
}

// DialTimeout implements [pq.Dialer].
func (d *dialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return d.DialContext(ctx, network, address)
}

// DialContext implements [pq.DialerContext]. lib/pq ends ctx after connect_timeout.
func (d *dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if d.connected.Load() {
		return dialToCancel(ctx, network, address)
	}
	if d.conn != nil {
		_ = d.conn.Close() // lib/pq drops a connection whose server speaks no TLS without closing it
	}
	conn, err := netDialer.DialContext(ctx, network, address)
	d.conn = conn
	return conn, err
}

// dialToCancel bounds the whole attempt to cancel a statement, which the statement waits for.
func dialToCancel(ctx context.Context, network, address string) (net.Conn, error) {
	end := time.Now().Add(cancelGrace)
	ctx, cancel := context.WithDeadline(ctx, end)
	defer cancel()
	conn, err := netDialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return endingConn{conn, end}, nil
}

// endingConn ends at its time, whatever later deadline is set on it.
type endingConn struct {
	net.Conn
	end time.Time
}

// SetDeadline implements [net.Conn].
func (c endingConn) SetDeadline(t time.Time) error {
	if t.IsZero() || t.After(c.end) {
		t = c.end
	}
	return c.Conn.SetDeadline(t)
}
