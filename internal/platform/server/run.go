package server

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

const (
	// cutOffGrace is how long handlers get to notice that their requests were cut off, so that clients read a 503 and what
	// the handlers use is not closed under them.
	cutOffGrace = time.Second
	// adminGrace is how long a scrape or a profile gets to end.
	adminGrace = time.Second
)

// Run serves until ctx is done or a listener fails, then shuts down in this order: readiness off, HTTP_SHUTDOWN_DELAY
// during which requests are still served, no new connections, up to HTTP_SHUTDOWN_TIMEOUT for the requests in flight, the
// admin listener. It binds the addresses where [Server.Listen] has not been called.
//
// The end of ctx does not cancel the requests in flight; the end of the drain does. Run returns nil after a clean
// shutdown, and an error that says how many requests were cut off after another one. When it returns, no handler is
// running, unless one ignored its ctx, so that the caller may close what the handlers use.
func (s *Server) Run(ctx context.Context) error {
	if s.publicListener == nil {
		if err := s.Listen(ctx); err != nil {
			return err
		}
	}
	s.requests, s.cutOff = context.WithCancelCause(context.WithoutCancel(ctx))
	defer s.cutOff(nil)

	failed := make(chan error, 2) // one for each listener, so that neither goroutine waits
	ended := make(chan struct{}, 2)
	serve(s.public, s.publicListener, failed, ended)
	servers := 1
	if s.adminListener != nil {
		serve(s.admin, s.adminListener, failed, ended)
		servers++
	}
	fields := []logging.Field{logging.String("addr", s.Addr().String()), logging.String("version", s.options.Version)}
	if s.adminListener != nil {
		fields = append(fields, logging.String("admin_addr", s.AdminAddr().String()))
	}
	s.options.Log.Info(ctx, "service_started", fields...)

	var failure error
	select {
	case <-ctx.Done():
	case failure = <-failed:
	}
	err := errors.Join(failure, s.shutdown(context.WithoutCancel(ctx), reason(ctx, failure), failure == nil))
	for range servers {
		<-ended
	}
	return err
}

func serve(server *http.Server, listener net.Listener, failed chan<- error, ended chan<- struct{}) {
	go func() {
		defer func() { ended <- struct{}{} }()
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			failed <- fmt.Errorf("serve on %s: %w", listener.Addr(), err)
		}
	}()
}

func reason(ctx context.Context, failure error) string {
	if failure != nil {
		return failure.Error()
	}
	return context.Cause(ctx).Error()
}

func (s *Server) shutdown(ctx context.Context, reason string, delay bool) error {
	s.options.Log.Info(ctx, "service_stopping", logging.String("reason", reason))
	s.stopping.Store(true)
	if s.options.Health != nil {
		s.options.Health.Stop()
	}
	if delay { // a load balancer needs this long to see that readiness is off
		time.Sleep(s.cfg.ShutdownDelay)
	}
	err := s.drain(ctx)

	ctx, cancel := context.WithTimeout(ctx, adminGrace)
	defer cancel()
	if s.admin.Shutdown(ctx) != nil {
		_ = s.admin.Close() // a profile that is still being taken is of no use to anybody
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
	s.cutOff(errors.Unavailable(nil, "The service is shutting down", time.Second)) // errors.Handler answers with it
	s.awaitHandlers(cutOffGrace)
	closing := s.public.Close()
	if !errors.Is(err, context.DeadlineExceeded) {
		return errors.Join(fmt.Errorf("shut down the listener: %w", err), closing)
	}
	return fmt.Errorf("drain: %d requests were cut off after HTTP_SHUTDOWN_TIMEOUT %s", left, s.cfg.ShutdownTimeout)
}

// awaitHandlers waits until no handler is running, or for the grace.
func (s *Server) awaitHandlers(grace time.Duration) {
	const pause = 5 * time.Millisecond
	for end := time.Now().Add(grace); s.inFlight.Load() > 0 && time.Now().Before(end); {
		time.Sleep(pause)
	}
}
