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

func newNetDialer(timeout time.Duration) *net.Dialer {
	return &net.Dialer{
		Timeout:         timeout,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3},
		Control:         setUserTimeout,
	}
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

// DialContext implements [pq.DialerContext].
func (d *dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := newNetDialer(dialTimeout).DialContext(ctx, network, address)
	if err == nil && !d.connected.Load() {
		d.conn = conn
	}
	return conn, err
}
