package server

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// halfCloseGrace is how long a request goes on after its client has closed the connection for writing.
//
// A client that only closes its half, such as nc -N, waits for the answer. A client that has gone looks
// the same until something is sent, and its request should not occupy a database connection: with its
// retries it would multiply its load. So the answer must come soon.
const halfCloseGrace = time.Second

// halfCloseListener accepts connections that report the end of a client's half of the connection
// during a request after [halfCloseGrace]. net/http cancels the request then.
type halfCloseListener struct{ net.Listener }

func (l halfCloseListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if tcp, ok := conn.(*net.TCPConn); ok {
		return &halfCloseConn{TCPConn: tcp}, nil
	}
	return conn, err
}

type halfCloseConn struct {
	*net.TCPConn

	mu     sync.Mutex
	passed bool          // the read deadline
	ended  chan struct{} // of a Read that waits; closed by the read deadline and by Close
}

// Read waits at the end of the client's half. During a request, net/http reads a single byte, to
// notice that the client has gone, and ends that Read with a deadline in the past when the request has
// ended. Other reads need more bytes.
func (c *halfCloseConn) Read(p []byte) (int, error) {
	n, err := c.TCPConn.Read(p)
	if err != io.EOF || len(p) != 1 { //nolint:errorlint // net.Conn returns io.EOF itself
		return n, err
	}
	c.mu.Lock()
	if c.passed {
		c.mu.Unlock()
		return 0, os.ErrDeadlineExceeded
	}
	ended := make(chan struct{})
	c.ended = ended
	c.mu.Unlock()
	grace := time.NewTimer(halfCloseGrace)
	defer grace.Stop()
	select {
	case <-ended:
		return 0, os.ErrDeadlineExceeded
	case <-grace.C:
		return 0, io.EOF
	}
}

// SetReadDeadline implements [net.Conn].
func (c *halfCloseConn) SetReadDeadline(t time.Time) error {
	c.end(!t.IsZero() && !t.After(time.Now()))
	return c.TCPConn.SetReadDeadline(t)
}

// Close implements [net.Conn].
func (c *halfCloseConn) Close() error {
	c.end(true)
	return c.TCPConn.Close()
}

// end ends a Read that waits if the read deadline has passed.
func (c *halfCloseConn) end(passed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.passed = passed
	if passed && c.ended != nil {
		close(c.ended)
		c.ended = nil
	}
}
