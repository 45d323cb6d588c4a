package db

import (
	"context"
	"net"
	"os"
	"sync"
	"time"

	"github.com/lib/pq"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// listenSession is a connection on which LISTEN is in effect.
//
// lib/pq reads what the server sends only while it waits for the answer to a statement. So the session always waits for one:
// it sends an empty statement, whose bytes its net.Conn holds back until the next heartbeat is due. Notifications reach their
// handler the moment they arrive, and the answer that follows shows that the server is there.
type listenSession struct {
	conn pqConn
	net  *heldConn
}

// listen connects, runs statement, and returns when it is in effect. The connection is closed when ctx ends.
func (c *connector) listen(ctx context.Context, statement string) (*listenSession, error) {
	d := &listenDialer{ctx: ctx}
	conn, err := c.connect(ctx, d)
	if err != nil {
		return nil, err
	}
	if err := d.conn.SetDeadline(time.Now().Add(c.cfg.ConnectTimeout)); err != nil {
		return nil, silence(err)
	}
	if _, err := conn.ExecContext(context.Background(), statement, nil); err != nil { //nolint:contextcheck // the end of ctx closes the connection
		return nil, silence(err)
	}
	if err := d.conn.SetDeadline(time.Time{}); err != nil {
		return nil, silence(err)
	}
	return &listenSession{conn, d.conn}, nil
}

// receive hands each notification to fn until the connection is lost, and returns why. fn may take its time: the deadline of
// the heartbeat begins anew after it.
func (s *listenSession) receive(fn func(*pq.Notification)) error {
	var failed error
	pq.SetNotificationHandler(s.conn, func(n *pq.Notification) {
		if failed != nil {
			return // what follows one that had no effect is not told: the session ends
		}
		if failed = caught(func() { fn(n) }); failed != nil {
			_ = s.net.Close()
			return
		}
		s.expect()
	})
	s.net.hold(heartbeat)
	for {
		s.expect()
		_, err := s.conn.ExecContext(context.Background(), ";", nil)
		if failed != nil {
			return failed
		}
		if err != nil {
			return silence(err)
		}
	}
}

// expect sets the time by which the server must have sent something.
func (s *listenSession) expect() {
	_ = s.net.SetReadDeadline(time.Now().Add(heartbeat + heartbeatTimeout)) // a closed connection fails in Read as well
}

// listenDialer makes the connection of a session, which ends with ctx.
type listenDialer struct {
	dialer
	ctx  context.Context //nolint:containedctx // the life of the connection, longer than that of the dial
	conn *heldConn
}

// DialContext implements [pq.DialerContext].
func (d *listenDialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := d.dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	d.conn = &heldConn{Conn: conn}
	context.AfterFunc(d.ctx, func() { _ = d.conn.Close() }) //nolint:contextcheck // not that of the dial
	return d.conn, nil
}

// heldConn sends what is written to it only after a delay, once one is set.
type heldConn struct {
	net.Conn

	mu      sync.Mutex
	delay   time.Duration
	pending []byte
	timer   *time.Timer
}

func (c *heldConn) hold(delay time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.delay = delay
}

// Read implements [net.Conn]. A deadline that passed while this process stood still says nothing about the server, whose answer may
// be there: so it looks once more.
func (c *heldConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		return n, err
	}
	if err := c.SetReadDeadline(time.Now().Add(secondLook)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

// Write implements [net.Conn]. An error of sending closes the connection, so that Read tells of it.
func (c *heldConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.delay == 0 {
		return c.Conn.Write(p)
	}
	c.pending = append(c.pending, p...)
	if c.timer == nil {
		c.timer = time.AfterFunc(c.delay, c.flush)
	}
	return len(p), nil
}

func (c *heldConn) flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.SetWriteDeadline(time.Now().Add(heartbeatTimeout)) // not earlier: this process may have stood still
	if _, err := c.Conn.Write(c.pending); err != nil {
		_ = c.Conn.Close()
	}
	c.pending, c.timer = c.pending[:0], nil
}

// Close implements [net.Conn]. What is held back is not sent.
func (c *heldConn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer != nil {
		c.timer.Stop()
	}
	return c.Conn.Close()
}
