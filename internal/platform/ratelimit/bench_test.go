package ratelimit_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/ratelimit"
	"github.com/netrun-systems/go-service-template/internal/platform/ratelimit/redistest"
)

var limit = ratelimit.Limit{Name: "default", Rate: 100, Period: time.Minute}

// BenchmarkMemory has clients in random order, which shows the misses of the processor's cache.
func BenchmarkMemory(b *testing.B) {
	for _, clients := range []int{1, 1e3, 1e6} {
		for _, goroutines := range []int{1, 8} {
			b.Run(fmt.Sprintf("clients=%d/goroutines=%d", clients, goroutines), func(b *testing.B) {
				benchmark(b, ratelimit.NewMemory(), clients, goroutines)
			})
		}
	}
}

func BenchmarkRedis(b *testing.B) {
	r, _ := newRedis(b, redistest.Start(b).URL, true)
	benchmark(b, r, 1e3, 1)
}

func benchmark(b *testing.B, l ratelimit.Limiter, clients, goroutines int) {
	b.Helper()
	ctx := b.Context()
	b.ReportAllocs()
	b.ResetTimer()
	done := make(chan error, goroutines)
	for g := range goroutines {
		go func() {
			var err error
			for i := uint32(g); err == nil && i < uint32(b.N); i += uint32(goroutines) {
				_, err = l.Take(ctx, limit, client(int(i*2654435761%uint32(clients))), 1)
			}
			done <- err
		}()
	}
	for range goroutines {
		require.NoError(b, <-done)
	}
}
