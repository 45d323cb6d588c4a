package platformtest

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Proxy forwards TCP connections to a target, counts round trips, and fails on demand: a network and a server that a test
// can break. Make one with [NewProxy]. Its methods are safe for concurrent use.
type Proxy struct {
	listener net.Listener
	trips    atomic.Int64
	wg       sync.WaitGroup

	mu     sync.Mutex
	target string
	cut    bool
	gate   chan struct{} // closed while data may pass
	links  map[*link]struct{}
}

// NewProxy listens on a free port of the loopback interface and forwards to target, a host and port, until the test ends.
func NewProxy(tb testing.TB, target string) *Proxy {
	tb.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("platformtest: listen for the proxy: %v", err)
	}
	p := &Proxy{target: target, listener: listener, gate: make(chan struct{}), links: map[*link]struct{}{}}
	close(p.gate)
	p.wg.Go(p.accept)
	tb.Cleanup(p.close)
	return p
}

// Addr returns the host and port that clients connect to.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// DSN returns the PostgreSQL URL with the host and port of the proxy in it. It panics when dsn is not a URL.
func (p *Proxy) DSN(dsn string) string {
	u, err := url.Parse(dsn)
	if err != nil || !strings.HasPrefix(u.Scheme, "postgres") {
		panic("platformtest: Proxy.DSN needs a URL")
	}
	u.Host = p.Addr()
	return u.String()
}

// RoundTrips returns how often, over all connections, a client has begun to talk after the server did or as the first.
// Connecting costs some too, so take the difference of two calls.
func (p *Proxy) RoundTrips() int64 { return p.trips.Load() }

// Connections returns how many connections are open.
func (p *Proxy) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.links)
}

// Cut resets every connection, and each new one at once, as a server that went away does.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = true
	for l := range p.links {
		l.reset()
	}
}

// Stall keeps the connections but passes no more data, as a network that drops every packet does. New connections are
// accepted and get no answer.
func (p *Proxy) Stall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.passing() {
		p.gate = make(chan struct{})
	}
}

// Restore ends [Proxy.Cut] and [Proxy.Stall]. What was held back is passed on.
func (p *Proxy) Restore() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = false
	if !p.passing() {
		close(p.gate)
	}
}

// Retarget sends new connections to another target, as a service address does whose server has moved.
func (p *Proxy) Retarget(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = target
}

func (p *Proxy) currentTarget() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.target
}

// String describes the proxy.
func (p *Proxy) String() string { return fmt.Sprintf("proxy %s -> %s", p.Addr(), p.currentTarget()) }

func (p *Proxy) passing() bool {
	select {
	case <-p.gate:
		return true
	default:
		return false
	}
}

func (p *Proxy) close() {
	_ = p.listener.Close() // ends accept; there is nobody to tell of an error
	p.Cut()
	p.wg.Wait()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		tcp := client.(*net.TCPConn) //nolint:errcheck // what a TCP listener accepts
		l := &link{proxy: p, client: tcp, done: make(chan struct{})}
		p.mu.Lock()
		if p.cut {
			l.reset()
			p.mu.Unlock()
			continue
		}
		p.links[l] = struct{}{}
		p.mu.Unlock()
		p.wg.Go(l.run)
	}
}

// wait blocks while data may not pass. It reports false when the link has ended.
func (p *Proxy) wait(l *link) bool {
	for {
		p.mu.Lock()
		gate := p.gate
		p.mu.Unlock()
		select {
		case <-l.done:
			return false
		case <-gate:
			return true
		}
	}
}

func (p *Proxy) dial() (*net.TCPConn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", p.currentTarget())
	if err != nil {
		return nil, err
	}
	return conn.(*net.TCPConn), nil //nolint:errcheck // what dialling "tcp" makes
}
