package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// hangups returns a channel with a value for each SIGHUP that asks for a reload. The terminal that the
// process was started from sends SIGHUP too when it closes: that ends ctx, because a service that
// lived on would keep its port. Under nohup it lives on.
func hangups(parent context.Context) (ctx context.Context, reloads <-chan os.Signal, stop func()) {
	inTerminal := !signal.Ignored(syscall.SIGHUP) && hasTerminal()
	ctx, cancel := context.WithCancelCause(parent)
	signals, accepted, done := make(chan os.Signal, 1), make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, syscall.SIGHUP)
	go func() {
		defer close(done)
		for {
			select {
			case <-ctx.Done():
				return
			case s := <-signals:
				if inTerminal && !hasTerminal() {
					cancel(errors.Sentinel("the terminal closed"))
					return
				}
				select {
				case accepted <- s:
				default: // a reload is already pending
				}
			}
		}
	}()
	return ctx, accepted, func() {
		signal.Stop(signals)
		cancel(context.Canceled)
		<-done
	}
}

// hasTerminal reports whether the process has a controlling terminal that is open.
func hasTerminal() bool {
	tty, err := os.Open("/dev/tty")
	if err == nil {
		_ = tty.Close()
	}
	return err == nil
}
