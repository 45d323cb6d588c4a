package platformtest

import (
	"bytes"
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// Proxy forwards TCP connections to a target, counts round trips, and fails on demand like a
// network or a server. Make one with [NewProxy]. Its methods are safe for concurrent use.
type Proxy struct {
	tb       testing.TB
	listener net.Listener
	trips    atomic.Int64
	wg       sync.WaitGroup

	mu       sync.Mutex
	target   string
	cut      bool
	loses    bool // answers to COMMIT
	delay    time.Duration
	resumed  chan struct{} // closed unless stalled
	forwards map[*forward]struct{}
}

// NewProxy listens on a free port of the loopback interface and forwards to target, a host and
// port, until the test ends.
func NewProxy(tb testing.TB, target string) *Proxy {
	tb.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("platformtest: listen for the proxy: %v", err)
	}
	p := &Proxy{
		tb: tb, target: target, listener: listener, resumed: make(chan struct{}), forwards: map[*forward]struct{}{},
	}
	close(p.resumed)
	p.wg.Go(p.accept)
	tb.Cleanup(p.close)
	return p
}

// Addr returns the host and port that clients connect to.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// DSN returns a PostgreSQL URL with the host and port of the proxy. It fails the test for another
// DSN.
func (p *Proxy) DSN(dsn string) string {
	p.tb.Helper()
	u := mustParseURL(p.tb, dsn)
	u.Host = p.Addr()
	return u.String()
}

// RoundTrips returns the round trips of all connections. One begins when the client sends first or
// after the server. Connecting takes some too, so use the difference of two calls.
func (p *Proxy) RoundTrips() int64 { return p.trips.Load() }

// Connections returns how many connections are open.
func (p *Proxy) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.forwards)
}

// Cut resets every connection, including new ones, like a crashed server.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = true
	for f := range p.forwards {
		f.reset()
	}
}

// Stall keeps the connections but forwards no data, like a network that drops every packet. New
// connections are accepted and get no answer.
func (p *Proxy) Stall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.stalled() {
		p.resumed = make(chan struct{})
	}
}

// Delay delays all data, in each direction, like a distant server.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// LoseCommits resets each connection of PostgreSQL when the server has answered COMMIT, so the
// transaction is committed and the client does not know.
func (p *Proxy) LoseCommits() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.loses = true
}

// Restore ends all faults. Delayed data is forwarded.
func (p *Proxy) Restore() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut, p.loses, p.delay = false, false, 0
	if p.stalled() {
		close(p.resumed)
	}
}

// Retarget forwards new connections to another target, like a service address whose server has
// moved.
func (p *Proxy) Retarget(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = target
}

func (p *Proxy) stalled() bool {
	select {
	case <-p.resumed:
		return false
	default:
		return true
	}
}

func (p *Proxy) close() {
	_ = p.listener.Close() // ends accept
	p.Cut()
	p.wg.Wait()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		tcp := client.(*net.TCPConn) //nolint:errcheck // the type of a TCP listener
		f := &forward{proxy: p, client: tcp, done: make(chan struct{})}
		p.mu.Lock()
		if p.cut {
			f.reset()
			p.mu.Unlock()
			continue
		}
		p.forwards[f] = struct{}{}
		p.mu.Unlock()
		p.wg.Go(f.run)
	}
}

func (p *Proxy) dial() (*net.TCPConn, error) {
	p.mu.Lock()
	target := p.target
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", target)
	if err != nil {
		return nil, err
	}
	return conn.(*net.TCPConn), nil //nolint:errcheck // the type for "tcp"
}

// forward is one connection through a [Proxy].
type forward struct {
	proxy  *Proxy
	client *net.TCPConn
	done   chan struct{} // closed at the end
	once   sync.Once

	mu         sync.Mutex
	server     *net.TCPConn // nil until the target has accepted
	clientSent bool         // the client was the last to send
	commits    bool         // it has sent COMMIT
}

func (f *forward) run() {
	defer func() {
		f.reset()
		f.proxy.mu.Lock()
		defer f.proxy.mu.Unlock()
		delete(f.proxy.forwards, f)
	}()
	if !f.wait() {
		return
	}
	server, err := f.proxy.dial()
	if err != nil || !f.setServer(server) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { f.copy(f.client, server, false) })
	both.Go(func() { f.copy(server, f.client, true) })
	both.Wait()
}

// wait blocks while the proxy is stalled and for its delay. It returns false when the connection
// has ended.
func (f *forward) wait() bool {
	f.proxy.mu.Lock()
	resumed, delay := f.proxy.resumed, f.proxy.delay
	f.proxy.mu.Unlock()
	select {
	case <-f.done:
		return false
	case <-resumed:
	}
	if delay == 0 {
		return true
	}
	select {
	case <-f.done:
		return false
	case <-time.After(delay):
		return true
	}
}

// setServer stores the connection to the target, unless the forward has ended meanwhile.
func (f *forward) setServer(server *net.TCPConn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case <-f.done:
		_ = server.Close()
		return false
	default:
		f.server = server
		return true
	}
}

// copy forwards data until the end of src, and then closes dst for writing. An error resets both
// ends.
func (f *forward) copy(src, dst *net.TCPConn, fromServer bool) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := src.Read(buffer)
		if n > 0 {
			if !f.wait() {
				return
			}
			f.count(fromServer) // before the data, so that its answer cannot be counted first
			if f.losesCommit(buffer[:n], fromServer) {
				f.reset()
				return
			}
			if _, err := dst.Write(buffer[:n]); err != nil {
				f.reset()
				return
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			_ = dst.CloseWrite() // it may be closed already
			return
		case err != nil:
			f.reset()
			return
		}
	}
}

func (f *forward) count(fromServer bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !fromServer && !f.clientSent {
		f.proxy.trips.Add(1)
	}
	f.clientSent = !fromServer
}

// losesCommit reports whether data is the answer to a COMMIT that is to be lost.
func (f *forward) losesCommit(data []byte, fromServer bool) bool {
	f.proxy.mu.Lock()
	loses := f.proxy.loses
	f.proxy.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	if !fromServer {
		f.commits = bytes.Contains(data, []byte("COMMIT\x00"))
	}
	return loses && fromServer && f.commits
}

// reset closes both ends with a RST, as after a crash.
func (f *forward) reset() {
	f.once.Do(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		close(f.done)
		for _, conn := range []*net.TCPConn{f.client, f.server} {
			if conn != nil {
				_ = conn.SetLinger(0) // it may be closed already
				_ = conn.Close()
			}
		}
	})
}
