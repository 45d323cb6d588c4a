package server

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// SignalContext returns a ctx that the first SIGTERM or SIGINT cancels, with a [context.Cause] that names the signal. The
// second one exits the process at once with status 1, for an operator who does not want to wait for the drain. Call stop
// to give the signals their usual meaning back.
func SignalContext(parent context.Context) (ctx context.Context, stop context.CancelFunc) {
	return signalContext(parent, os.Exit)
}

func signalContext(parent context.Context, exit func(status int)) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	stopped, ended := make(chan struct{}), make(chan struct{})
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		defer close(ended)
		for first := true; ; first = false {
			select {
			case <-stopped:
				return
			case s := <-signals:
				if !first {
					exit(1)
					return
				}
				cancel(errors.Sentinel("received " + signalName(s)))
			}
		}
	}()
	return ctx, sync.OnceFunc(func() {
		signal.Stop(signals)
		cancel(context.Canceled)
		close(stopped)
		<-ended
	})
}

func signalName(s os.Signal) string {
	switch s {
	case syscall.SIGTERM:
		return "SIGTERM"
	case syscall.SIGINT:
		return "SIGINT"
	}
	return s.String()
}
