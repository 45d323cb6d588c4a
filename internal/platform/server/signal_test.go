package server_test

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/server"
)

func raise(t *testing.T, s syscall.Signal) {
	t.Helper()
	require.NoError(t, syscall.Kill(syscall.Getpid(), s))
}

//nolint:paralleltest // signals go to the whole process
func TestSecondSignalEndsAtOnce(t *testing.T) {
	for name, s := range map[string]syscall.Signal{"received SIGTERM": syscall.SIGTERM, "received SIGINT": syscall.SIGINT} {
		exits := make(chan int, 1)
		ctx, stop := server.SignalContextWith(t.Context(), func(status int) { exits <- status })
		raise(t, s)
		<-ctx.Done()
		require.EqualError(t, context.Cause(ctx), name)
		assert.Empty(t, exits, "the first one only cancels")
		raise(t, syscall.SIGTERM)
		select {
		case status := <-exits:
			assert.Equal(t, 1, status)
		case <-time.After(5 * time.Second):
			t.Fatal("the second signal did nothing")
		}
		stop()
	}
}

//nolint:paralleltest // signals go to the whole process
func TestSignalContextStops(t *testing.T) {
	ctx, stop := server.SignalContext(t.Context())
	require.NoError(t, ctx.Err())
	stop()
	stop() // again is harmless
	require.ErrorIs(t, context.Cause(ctx), context.Canceled)

	parent, cancel := context.WithCancel(t.Context())
	ctx, stop = server.SignalContext(parent)
	defer stop()
	cancel()
	<-ctx.Done()
}
