package benchmarks_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	redisrate "github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/ratelimit"
	"github.com/netrun-systems/go-service-template/internal/platform/ratelimit/redistest"
)

var perMinute = ratelimit.Limit{Name: "default", Rate: 100, Period: time.Minute}

// clientOf returns one of n clients, in an order that the cache of the processor does not foresee.
func clientOf(i, n int) (c ratelimit.Client) {
	i = int(uint32(i) * 2654435761 % uint32(n))
	c[0], c[1], c[2], c[3] = 't', byte(i>>16), byte(i>>8), byte(i)
	return c
}

func memory(n int) func(i int) {
	m, ctx := ratelimit.NewMemory(), context.Background()
	return func(i int) { _, _ = m.Take(ctx, perMinute, clientOf(i, n), 1) }
}

// timeRate keeps one limiter of x/time/rate for each client. It never forgets one.
func timeRate(n int) func(i int) {
	var mu sync.RWMutex
	limiters := map[ratelimit.Client]*rate.Limiter{}
	return func(i int) {
		c := clientOf(i, n)
		mu.RLock()
		l := limiters[c]
		mu.RUnlock()
		if l == nil {
			l = rate.NewLimiter(rate.Every(perMinute.Period/100), 100)
			mu.Lock()
			limiters[c] = l
			mu.Unlock()
		}
		l.Allow()
	}
}

func BenchmarkRateLimit(b *testing.B) {
	for _, clients := range []int{1, 1e3, 1e6} {
		for _, goroutines := range []int{1, 8} {
			for name, take := range map[string]func(i int){"this": memory(clients), "x_time_rate": timeRate(clients)} {
				b.Run(fmt.Sprintf("%s/clients=%d/goroutines=%d", name, clients, goroutines), func(b *testing.B) {
					b.ReportAllocs()
					parallel(b.N, goroutines, take)
				})
			}
		}
	}
}

func parallel(n, goroutines int, f func(i int)) {
	var all sync.WaitGroup
	for g := range goroutines {
		all.Go(func() {
			for i := g; i < n; i += goroutines {
				f(i)
			}
		})
	}
	all.Wait()
}

func BenchmarkRateLimitRedis(b *testing.B) {
	url := redistest.Start(b).URL
	this, err := ratelimit.NewRedis(url, ratelimit.NewMemory(), true, logging.Logger{})
	require.NoError(b, err)
	defer func() { require.NoError(b, this.Close()) }()
	o, err := redis.ParseURL(url)
	require.NoError(b, err)
	client := redis.NewClient(o)
	defer func() { require.NoError(b, client.Close()) }()
	other, ctx := redisrate.NewLimiter(client), b.Context()
	keys := make([]string, 1000)
	for i := range keys {
		keys[i] = fmt.Sprintf("default:%x", clientOf(i, 1000))
	}
	for name, take := range map[string]func(i int) error{
		"this": func(i int) error { _, err := this.Take(ctx, perMinute, clientOf(i, 1000), 1); return err },
		"redis_rate": func(i int) error {
			_, err := other.Allow(ctx, keys[i%1000], redisrate.PerMinute(100))
			return err
		},
	} {
		for _, goroutines := range []int{1, 8} {
			b.Run(fmt.Sprintf("%s/goroutines=%d", name, goroutines), func(b *testing.B) {
				b.ReportAllocs()
				parallel(b.N, goroutines, func(i int) { assert.NoError(b, take(i)) })
			})
		}
	}
}

func TestRateLimitDecisionTakesAtMost150ns(t *testing.T) {
	for _, clients := range []int{1, 1e3, 1e6} {
		measure := func(take func(i int)) time.Duration { // one after the other, since each has its own memory
			i := 0
			for ; i < clients; i++ { // each client is known
				take(i)
			}
			return fastest(func() { i++; take(i) })[0]
		}
		this := memory(clients)
		took := measure(this)
		t.Logf("%d clients: %s, x/time/rate in a map %s", clients, took, measure(timeRate(clients)))
		assert.LessOrEqual(t, took, 150*time.Nanosecond)
		i := 0
		assert.Zero(t, testing.AllocsPerRun(100, func() { i++; this(i) }))
	}
}

// redis_rate, another GCRA on Redis, decides the same.
func TestRateLimitDecidesAsRedisRateDoes(t *testing.T) {
	url := redistest.Start(t).URL
	this, err := ratelimit.NewRedis(url, ratelimit.NewMemory(), true, logging.Logger{})
	require.NoError(t, err)
	defer func() { require.NoError(t, this.Close()) }()
	o, err := redis.ParseURL(url)
	require.NoError(t, err)
	client := redis.NewClient(o)
	defer func() { require.NoError(t, client.Close()) }()
	other := redisrate.NewLimiter(client)
	for _, l := range []ratelimit.Limit{
		{Name: "a", Rate: 10, Period: time.Hour, Burst: 5}, {Name: "b", Rate: 7, Period: time.Hour, Burst: 7}, {Name: "c", Rate: 1, Period: 24 * time.Hour, Burst: 3},
	} {
		for range 12 {
			got, err := this.Take(t.Context(), l, ratelimit.Client{}, 1)
			require.NoError(t, err)
			want, err := other.Allow(t.Context(), l.Name, redisrate.Limit{Rate: l.Rate, Period: l.Period, Burst: l.Burst})
			require.NoError(t, err)
			assert.Equal(t, want.Allowed == 1, got.Allowed)
			assert.Equal(t, want.Remaining, got.Remaining)
			assert.InDelta(t, want.ResetAfter.Seconds(), got.Reset.Seconds(), 5)
			if !got.Allowed {
				assert.InDelta(t, want.RetryAfter.Seconds(), got.RetryAfter.Seconds(), 5)
			}
		}
	}
}
