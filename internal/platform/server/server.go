package server

import (
	"context"
	"fmt"
	stdlog "log"
	"net"
	"net/http"
	"net/http/pprof" // also registers on http.DefaultServeMux, which this service does not serve
	"os"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

const (
	// maxHeaderBytes is a sixteenth of the default of net/http; a token and a few cookies need
	// less.
	maxHeaderBytes = 64 << 10
	// cutOffGrace is how long handlers may run after their requests were cut off at shutdown, so
	// that clients receive a 503 and no handler uses a database that the caller has closed.
	cutOffGrace = time.Second
	// adminGrace is how long a scrape or a profile may take at shutdown.
	adminGrace = time.Second
)

var log = logging.For()

// orDefault returns l, or the logger of this package for the zero value.
func orDefault(l logging.Logger) logging.Logger {
	if l.IsZero() {
		return log
	}
	return l
}

// Options are what a [Server] needs besides its [Config].
type Options struct {
	Log     logging.Logger // the logger of this package for the zero value
	Version string         // for service_started
	Health  *Health        // reports unready from the beginning of the shutdown; nil for none
	Metrics http.Handler   // GET /metrics of the admin listener; nil for none
}

// Server has a public listener, an admin listener, and a shutdown that completes the requests in
// flight. Make one with [New], then call Listen and Run once each.
type Server struct {
	cfg     Config
	options Options

	public, admin                 *http.Server
	publicListener, adminListener net.Listener

	requests context.Context // parent of the ctx of every request; it outlives the ctx of Run
	cutOff   context.CancelCauseFunc
	serving  sync.WaitGroup
	failed   chan error // one for each listener, so that neither goroutine blocks
	inFlight atomic.Int64
	stopping atomic.Bool
}

// New returns a server for handler that does not listen yet.
func New(cfg Config, handler http.Handler, o Options) *Server {
	o.Log = orDefault(o.Log)
	s := &Server{cfg: cfg, options: o, failed: make(chan error, 2)}
	errorLog := stdlog.New(eventWriter{o.Log}, "", 0)
	s.public = &http.Server{
		Handler:           s.countRequests(handler),
		ReadHeaderTimeout: cfg.ReadHeaderTimeout,
		ReadTimeout:       cfg.ReadTimeout,
		WriteTimeout:      cfg.WriteTimeout,
		IdleTimeout:       cfg.IdleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          errorLog,
		BaseContext:       func(net.Listener) context.Context { return s.requests },
	}
	s.admin = &http.Server{ // no write timeout: the query of a profile says how long it takes
		Handler:           adminHandler(o.Metrics),
		ReadHeaderTimeout: cfg.ReadHeaderTimeout,
		ReadTimeout:       cfg.ReadTimeout,
		IdleTimeout:       cfg.IdleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          errorLog,
	}
	return s
}

// countRequests counts the requests in flight, and closes connections after the response during the
// shutdown and after a chunked request. net/http hides whether that had a Content-Length too, by which
// a proxy may have found another end of the request (RFC 9112, section 6.1): what follows on the
// connection must not be served.
func (s *Server) countRequests(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.inFlight.Add(1)
		defer s.inFlight.Add(-1)
		if s.stopping.Load() || len(r.TransferEncoding) > 0 {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// adminHandler serves profiles and, unless metrics is nil, metrics. It has no authentication, so
// its listener is on loopback by default.
func adminHandler(metrics http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("POST /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	if metrics != nil {
		mux.Handle("GET /metrics", metrics)
	}
	return mux
}

// eventWriter logs each write of the loggers of net/http and Echo as one event.
type eventWriter struct{ log logging.Logger }

func (w eventWriter) Write(text []byte) (int, error) {
	w.log.Warn(context.Background(), "http_server_error", logging.String("message", strings.TrimSpace(string(text))))
	return len(text), nil
}

// Listen binds both addresses and begins to serve, so that probes get an answer while the rest of the
// program starts. The handler must be ready for that. Call Run or Close afterwards.
func (s *Server) Listen(ctx context.Context) error {
	var listen net.ListenConfig
	var err error
	if s.publicListener, err = listen.Listen(ctx, "tcp", s.cfg.Addr); err != nil {
		return fmt.Errorf("listen on HTTP_ADDR %s: %w", s.cfg.Addr, err)
	}
	if s.cfg.AdminAddr != "" {
		if s.adminListener, err = listen.Listen(ctx, "tcp", s.cfg.AdminAddr); err != nil {
			err = errors.Join(fmt.Errorf("listen on ADMIN_ADDR %s: %w", s.cfg.AdminAddr, err), s.publicListener.Close())
			s.publicListener = nil
			return err
		}
	}
	s.requests, s.cutOff = context.WithCancelCause(context.WithoutCancel(ctx))
	s.serving.Go(func() { s.serve(s.public, halfCloseListener{s.publicListener}) })
	if s.adminListener != nil {
		s.serving.Go(func() { s.serve(s.admin, s.adminListener) })
	}
	s.options.Log.Info(ctx, "service_starting", s.addresses()...)
	return nil
}

// addresses returns the addresses and the version as log fields.
func (s *Server) addresses() []logging.Field {
	fields := []logging.Field{logging.String("addr", s.Addr().String()), logging.String("version", s.options.Version)}
	if s.adminListener != nil {
		fields = append(fields, logging.String("admin_addr", s.adminListener.Addr().String()))
	}
	return fields
}

// Addr returns the address of the public listener, or nil before [Server.Listen].
func (s *Server) Addr() net.Addr {
	if s.publicListener == nil {
		return nil
	}
	return s.publicListener.Addr()
}

// Close closes the listeners and their connections, and waits for the handlers of the listeners. It is
// for a start that fails between Listen and Run. Close after Run does nothing.
func (s *Server) Close() error {
	if s.publicListener == nil {
		return nil
	}
	s.cutOff(nil)
	err := errors.Join(s.public.Close(), s.admin.Close())
	s.serving.Wait()
	return err
}

// Run serves until ctx ends or a listener fails, then shuts down in this order: report unready,
// serve on for HTTP_SHUTDOWN_DELAY, accept no more connections, wait up to HTTP_SHUTDOWN_TIMEOUT
// for the requests in flight, stop the admin listener. [Server.Listen] must have succeeded before.
//
// The end of ctx does not cancel the requests in flight; the end of HTTP_SHUTDOWN_TIMEOUT does. Run
// returns nil after a clean shutdown, else an error with the number of requests that were cut off.
// When it returns, no handler is running, except one that ignores its ctx, so the caller may close
// what handlers use.
func (s *Server) Run(ctx context.Context) error {
	defer s.cutOff(nil)
	s.options.Log.Info(ctx, "service_started", s.addresses()...)

	var failure error
	select {
	case <-ctx.Done():
	case failure = <-s.failed:
	}
	err := errors.Join(failure, s.shutdown(ctx, failure))
	s.serving.Wait()
	return err
}

func (s *Server) serve(server *http.Server, listener net.Listener) {
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		s.failed <- fmt.Errorf("serve on %s: %w", listener.Addr(), err)
	}
}

// shutdown stops both servers. The reason is the failure of a listener, or if that is nil, the end
// of ctx.
func (s *Server) shutdown(ctx context.Context, failure error) error {
	reason := failure
	if failure == nil {
		reason = context.Cause(ctx)
	}
	ctx = context.WithoutCancel(ctx)
	s.options.Log.Info(ctx, "service_stopping", logging.String("reason", reason.Error()))
	s.stopping.Store(true)
	if s.options.Health != nil {
		s.options.Health.Stop()
	}
	if failure == nil { // a load balancer needs this long to notice that the service is unready
		time.Sleep(s.cfg.ShutdownDelay)
	}
	err := s.drain(ctx)

	ctx, cancel := context.WithTimeout(ctx, adminGrace)
	defer cancel()
	if s.admin.Shutdown(ctx) != nil {
		_ = s.admin.Close() // nobody needs a profile that is still being taken
	}
	return err
}

func (s *Server) drain(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.ShutdownTimeout)
	defer cancel()
	err := s.public.Shutdown(ctx)
	if err == nil {
		return nil
	}
	left := s.inFlight.Load()
	s.cutOff(errors.Unavailable(nil, "The service is shutting down", time.Second)) // the response of ErrorHandler
	for end := time.Now().Add(cutOffGrace); s.inFlight.Load() > 0 && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	closing := s.public.Close()
	if !errors.Is(err, context.DeadlineExceeded) {
		return errors.Join(fmt.Errorf("shut down the listener: %w", err), closing)
	}
	return fmt.Errorf("drain: %d requests were cut off after HTTP_SHUTDOWN_TIMEOUT %s", left, s.cfg.ShutdownTimeout)
}

// SignalContext returns a ctx that the first SIGTERM or SIGINT cancels, with a [context.Cause] that
// names the signal. The second signal exits the process at once with status 1, for an operator who
// does not want to wait for the shutdown. With the default handling, process 1 of a container would
// exit with 2. stop restores that handling.
func SignalContext(parent context.Context) (ctx context.Context, stop context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		if s, ok := <-signals; ok {
			cancel(errors.Sentinel(s.String() + " signal received"))
		}
		for range signals {
			os.Exit(1)
		}
	}()
	return ctx, sync.OnceFunc(func() {
		signal.Stop(signals)
		cancel(context.Canceled)
		close(signals)
	})
}
