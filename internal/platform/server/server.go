package server

import (
	"context"
	"fmt"
	stdlog "log"
	"net"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// maxHeaderBytes is a sixteenth of what net/http allows; a token and a few cookies need less.
const maxHeaderBytes = 64 << 10

// Options are what a [Server] needs besides its [Config].
type Options struct {
	Log     logging.Logger // the zero value means the package's own
	Version string         // for service_started
	Health  *Health        // turned off first at shutdown; nil for none
	Metrics http.Handler   // GET /metrics of the admin listener; nil for none
}

// Server is the HTTP server of the service: a public listener, an admin listener, and a shutdown that loses no request.
// Make one with [New], then call Listen and Run once each.
type Server struct {
	cfg     Config
	options Options

	public, admin                 *http.Server
	publicListener, adminListener net.Listener

	requests context.Context // what every request's ctx descends from; it outlives the ctx of Run
	cutOff   context.CancelCauseFunc
	inFlight atomic.Int64
	stopping atomic.Bool
}

// New returns a server of handler that has not begun to listen.
func New(cfg Config, handler http.Handler, o Options) *Server {
	o.Log = own(o.Log)
	s := &Server{cfg: cfg, options: o}
	errorLog := stdlog.New(lines{o.Log}, "", 0)
	s.public = &http.Server{
		Handler:           s.counting(handler),
		ReadHeaderTimeout: cfg.ReadHeaderTimeout,
		ReadTimeout:       cfg.ReadTimeout,
		WriteTimeout:      cfg.WriteTimeout,
		IdleTimeout:       cfg.IdleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          errorLog,
		BaseContext:       func(net.Listener) context.Context { return s.requests },
	}
	s.admin = &http.Server{ // no write timeout: a profile takes as long as its query says
		Handler:           adminHandler(o.Metrics),
		ReadHeaderTimeout: cfg.ReadHeaderTimeout,
		ReadTimeout:       cfg.ReadTimeout,
		IdleTimeout:       cfg.IdleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          errorLog,
	}
	return s
}

// counting knows how many requests are in flight, and asks clients to leave their connections once the shutdown has begun.
func (s *Server) counting(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.inFlight.Add(1)
		defer s.inFlight.Add(-1)
		if s.stopping.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// Listen binds both addresses. When it returns nil, connections are accepted, and answered as soon as Run is called.
func (s *Server) Listen(ctx context.Context) error {
	var listen net.ListenConfig
	var err error
	if s.publicListener, err = listen.Listen(ctx, "tcp", s.cfg.Addr); err != nil {
		return fmt.Errorf("listen on HTTP_ADDR %s: %w", s.cfg.Addr, err)
	}
	if s.cfg.AdminAddr == "" {
		return nil
	}
	if s.adminListener, err = listen.Listen(ctx, "tcp", s.cfg.AdminAddr); err != nil {
		return errors.Join(fmt.Errorf("listen on ADMIN_ADDR %s: %w", s.cfg.AdminAddr, err), s.Close())
	}
	return nil
}

// Addr returns the address the public listener is bound to, nil before [Server.Listen].
func (s *Server) Addr() net.Addr { return addrOf(s.publicListener) }

// AdminAddr returns the address the admin listener is bound to, nil where there is none.
func (s *Server) AdminAddr() net.Addr { return addrOf(s.adminListener) }

func addrOf(l net.Listener) net.Addr {
	if l == nil {
		return nil
	}
	return l.Addr()
}

// Close gives both addresses back at once. It is for a start that goes wrong between Listen and Run; Run closes what it
// served by itself, and Close after it does nothing.
func (s *Server) Close() error {
	var errs []error
	for _, l := range []net.Listener{s.publicListener, s.adminListener} {
		if l != nil {
			if err := l.Close(); !errors.Is(err, net.ErrClosed) {
				errs = append(errs, err)
			}
		}
	}
	s.publicListener, s.adminListener = nil, nil
	return errors.Join(errs...)
}

// lines is the writer behind the loggers of net/http and Echo; each write is one event.
type lines struct{ log logging.Logger }

func (l lines) Write(text []byte) (int, error) {
	l.log.Warn(context.Background(), "http_server_error", logging.String("message", strings.TrimSpace(string(text))))
	return len(text), nil
}
