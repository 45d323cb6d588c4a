package embedded

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/lib/pq"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// attempts is how often the start is tried again for reasons that pass.
const attempts = 5

// errPassing says that the same start can succeed a moment later.
var errPassing = errors.Sentinel("it may work in a moment")

// run starts postgres on a free port and waits until it answers. Another program can take the port meanwhile, and processes
// of a killed server can take a moment to notice, so it tries again.
func (s *Server) run(ctx context.Context, runner *account, o Options) error {
	ctx, cancel := context.WithTimeout(ctx, o.StartTimeout)
	defer cancel()
	for attempt := 1; ; attempt++ {
		err := s.try(ctx, runner, o)
		if err == nil || attempt == attempts || !errors.Is(err, errPassing) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Duration(attempt) * 50 * time.Millisecond):
		}
	}
}

func (s *Server) try(ctx context.Context, runner *account, o Options) error {
	port, err := freePort(ctx)
	if err != nil {
		return err
	}
	s.port = port
	if s.process, err = launch(ctx, s.dir, s.binaries, runner, port, o); err != nil {
		return err
	}
	err = s.await(ctx)
	if err == nil {
		return nil
	}
	select {
	case <-s.process.done:
		err = s.explain()
		return errors.Join(err, s.process.guard.dismiss())
	default:
		return errors.Join(fmt.Errorf("wait for the server to answer: %w", err), s.terminate(context.WithoutCancel(ctx)))
	}
}

// await returns when the server answers, when it has ended, and when ctx does.
func (s *Server) await(ctx context.Context) error {
	db, err := sql.Open("postgres", s.DSN("postgres")+"&connect_timeout=5")
	if err != nil {
		return fmt.Errorf("open the server: %w", err)
	}
	defer db.Close() //nolint:errcheck // nothing is lost with it
	db.SetMaxIdleConns(0)
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		err := db.PingContext(ctx)
		if err == nil {
			return nil
		}
		if refusal, ok := errors.AsType[*pq.Error](err); ok && refusal.Code.Class() == "28" {
			return fmt.Errorf("%s does not hold the password of the server: %w", s.dir.password(), err)
		}
		select {
		case <-s.process.done:
			return errors.Sentinel("it has ended")
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(pause):
		}
	}
}

// explain makes an error of the last lines of the log of a server that has ended.
func (s *Server) explain() error {
	text, _ := os.ReadFile(s.dir.log()) // without a log there is less to say
	err := fmt.Errorf("postgres of %s has ended (%v), and said: %s", s.binaries, s.process.cmd.ProcessState, lastLines(string(text)))
	for _, passing := range []string{"could not bind", "Address already in use", "pre-existing shared memory block"} {
		if strings.Contains(string(text), passing) {
			return fmt.Errorf("%w: %w", errPassing, err)
		}
	}
	return err
}

func freePort(ctx context.Context) (int, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	addr, err := netip.ParseAddrPort(listener.Addr().String())
	if err := errors.Join(err, listener.Close()); err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	return int(addr.Port()), nil
}
