package platformtest

import (
	"io"
	"net"
	"sync"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// link is one connection through a [Proxy].
type link struct {
	proxy  *Proxy
	client *net.TCPConn
	done   chan struct{} // closed when the link ends
	once   sync.Once

	mu     sync.Mutex
	server *net.TCPConn // nil until the target has accepted
	asked  bool         // the client was the last to talk
}

func (l *link) run() {
	defer l.forget()
	if !l.proxy.wait(l) {
		return
	}
	server, err := l.proxy.dial()
	if err != nil || !l.adopt(server) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { l.pump(l.client, server, false) })
	both.Go(func() { l.pump(server, l.client, true) })
	both.Wait()
}

// adopt takes over the connection to the target, unless the link has ended while it was made.
func (l *link) adopt(server *net.TCPConn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.done:
		_ = server.Close()
		return false
	default:
		l.server = server
		return true
	}
}

// pump forwards until src has no more, and passes that on. Any other end is the end of the whole link.
func (l *link) pump(src, dst *net.TCPConn, fromServer bool) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := src.Read(buffer)
		if n > 0 {
			if !l.proxy.wait(l) {
				return
			}
			l.count(fromServer)
			if _, err := dst.Write(buffer[:n]); err != nil {
				l.reset()
				return
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			_ = dst.CloseWrite() // an error means that dst is closed already
			return
		case err != nil:
			l.reset()
			return
		}
	}
}

// count is called before the data is forwarded, so the answer to it cannot be counted first.
func (l *link) count(fromServer bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !fromServer && !l.asked {
		l.proxy.trips.Add(1)
	}
	l.asked = !fromServer
}

func (l *link) forget() {
	l.reset()
	l.proxy.mu.Lock()
	defer l.proxy.mu.Unlock()
	delete(l.proxy.links, l)
}

// reset closes both ends with a RST, which is what a peer sees of a crash.
func (l *link) reset() {
	l.once.Do(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		close(l.done)
		for _, conn := range []*net.TCPConn{l.client, l.server} {
			if conn != nil {
				_ = conn.SetLinger(0) // an error means that it is closed already
				_ = conn.Close()
			}
		}
	})
}
