package ratelimit_test

import (
	"context"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/netrun-systems/go-service-template/internal/platform/ratelimit"
	"github.com/netrun-systems/go-service-template/internal/platform/ratelimit/redistest"
)

// take takes one request, which must not fail.
func take(t testing.TB, l ratelimit.Limiter, limit ratelimit.Limit, c ratelimit.Client) ratelimit.Decision {
	t.Helper()
	d, err := l.Take(context.WithoutCancel(t.Context()), limit, c, 1)
	require.NoError(t, err)
	return d
}

// Both limiters keep the same contract. The periods are so long that the time of the test does not
// matter.
func TestLimiters(t *testing.T) {
	t.Parallel()
	run := func(t *testing.T, l ratelimit.Limiter) {
		t.Helper()
		hourly := ratelimit.Limit{Name: "hourly", Rate: 10, Period: time.Hour, Burst: 3}
		for want := 2; want >= 0; want-- {
			d := take(t, l, hourly, client(1))
			assert.True(t, d.Allowed)
			assert.Equal(t, want, d.Remaining)
			assert.Zero(t, d.RetryAfter)
			assert.InDelta(t, float64(3-want)*6, d.Reset.Minutes(), 0.1, "6 minutes for each request")
		}
		for range 3 {
			d := take(t, l, hourly, client(1))
			assert.False(t, d.Allowed, "the burst is used up")
			assert.Zero(t, d.Remaining)
			assert.InDelta(t, 6, d.RetryAfter.Minutes(), 0.1, "refused requests do not count")
			assert.InDelta(t, 18, d.Reset.Minutes(), 0.1)
		}
		assert.True(t, take(t, l, hourly, client(2)).Allowed, "another client")
		other := hourly
		other.Name = "other"
		assert.True(t, take(t, l, other, client(1)).Allowed, "another limit")

		whole := ratelimit.Limit{Name: "whole", Rate: 7, Period: time.Hour}
		for range 7 {
			assert.True(t, take(t, l, whole, client(1)).Allowed, "without a burst it is the rate")
		}
		assert.False(t, take(t, l, whole, client(1)).Allowed)

		peek := func(limit ratelimit.Limit, c ratelimit.Client) ratelimit.Decision {
			d, err := l.Take(t.Context(), limit, c, 0)
			require.NoError(t, err)
			return d
		}
		for range 5 {
			d := peek(hourly, client(3))
			assert.True(t, d.Allowed)
			assert.Equal(t, 3, d.Remaining, "n = 0 counts nothing")
		}
		assert.False(t, peek(hourly, client(1)).Allowed)

		lowered := ratelimit.Limit{Name: "whole", Rate: 3600, Period: time.Hour, Burst: 2}
		assert.InDelta(t, 1, take(t, l, lowered, client(1)).RetryAfter.Seconds(), 0.5,
			"after a limit was changed, a client waits for the new interval, not for the old burst")
	}
	t.Run("memory", func(t *testing.T) { t.Parallel(); run(t, ratelimit.NewMemory()) })
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		r, logged := newRedis(t, redistest.Start(t).URL, true)
		run(t, r)
		assert.Empty(t, logged.names())
	})
}

// The next request is allowed exactly after RetryAfter, and the whole burst after Reset.
func TestAllowanceReturnsWithTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, limit := ratelimit.NewMemory(), ratelimit.Limit{Rate: 60, Period: time.Minute, Burst: 5}
		for range 5 {
			require.True(t, take(t, m, limit, client(1)).Allowed)
		}
		d := take(t, m, limit, client(1))
		time.Sleep(d.RetryAfter - time.Nanosecond)
		assert.False(t, take(t, m, limit, client(1)).Allowed, "1 ns too early")
		time.Sleep(time.Nanosecond)
		assert.True(t, take(t, m, limit, client(1)).Allowed)
		time.Sleep(take(t, m, limit, client(1)).Reset)
		assert.Equal(t, 4, take(t, m, limit, client(1)).Remaining)
		time.Sleep(365 * 24 * time.Hour)
		assert.Equal(t, 4, take(t, m, limit, client(1)).Remaining, "unused requests do not accumulate")
	})
}

// In every stretch of time a client gets at most a burst and what the rate adds in it.
func TestAllowanceIsNeverExceeded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		limit := ratelimit.Limit{
			Rate: rapid.IntRange(1, 1000).Draw(r, "rate"), Burst: rapid.IntRange(0, 50).Draw(r, "burst"),
			Period: time.Duration(rapid.Int64Range(int64(time.Second), int64(time.Hour)).Draw(r, "period")),
		}
		pauses := rapid.SliceOfN(rapid.Int64Range(0, int64(limit.Period)/4), 1, 100).Draw(r, "pauses")
		synctest.Test(t, func(*testing.T) {
			m, begin, allowed := ratelimit.NewMemory(), time.Now(), 0
			burst := limit.Burst
			if burst == 0 {
				burst = limit.Rate
			}
			for _, pause := range pauses {
				time.Sleep(time.Duration(pause))
				d, err := m.Take(context.Background(), limit, client(1), 1)
				require.NoError(r, err)
				if d.Allowed {
					allowed++
				}
				interval := limit.Period / time.Duration(limit.Rate)
				most := burst + int(time.Since(begin)/interval)
				require.LessOrEqual(r, allowed, most)
				require.Equal(r, d.Allowed, d.RetryAfter == 0)
				require.LessOrEqual(r, d.Remaining, burst)
			}
		})
	})
}

func TestParallelRequestsShareTheAllowance(t *testing.T) {
	t.Parallel()
	m, limit := ratelimit.NewMemory(), ratelimit.Limit{Rate: 1000, Period: time.Hour}
	var allowed atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 500 {
				if take(t, m, limit, client(1)).Allowed {
					allowed.Add(1)
				}
			}
		})
	}
	all.Wait()
	assert.EqualValues(t, 1000, allowed.Load())
}

// A million clients do not make the table larger, and do not free the client that is refused.
func TestMemoryIsBounded(t *testing.T) { //nolint:paralleltest // measures the heap
	heap := func() uint64 {
		runtime.GC()
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return s.HeapAlloc
	}
	before := heap()
	m, limit := ratelimit.NewMemory(), ratelimit.Limit{Rate: 10, Period: time.Hour}
	for range 10 {
		require.True(t, take(t, m, limit, client(0)).Allowed)
	}
	for i := range 1_000_000 {
		_, err := m.Take(t.Context(), limit, client(i+1), 1)
		require.NoError(t, err)
	}
	assert.Less(t, heap()-before, uint64(2<<20))
	assert.False(t, take(t, m, limit, client(0)).Allowed, "the client that used its whole limit must not be evicted")
	runtime.KeepAlive(m)
}

func TestFewClientsAreNotEvicted(t *testing.T) {
	t.Parallel()
	m, limit := ratelimit.NewMemory(), ratelimit.Limit{Rate: 1, Period: time.Hour}
	const clients = 4_000 // a sixteenth of the table
	for i := range clients {
		require.True(t, take(t, m, limit, client(i)).Allowed)
	}
	evicted := 0
	for i := range clients {
		if take(t, m, limit, client(i)).Allowed {
			evicted++
		}
	}
	assert.Less(t, float64(evicted)/clients, 0.005) // a set of five clients evicts them all
}

func TestTakeAllocatesNothing(t *testing.T) {
	m, limit := ratelimit.NewMemory(), ratelimit.Limit{Name: "default", Rate: 10, Period: time.Minute}
	i := 0
	assert.Zero(t, testing.AllocsPerRun(1000, func() {
		i++
		_, _ = m.Take(t.Context(), limit, client(i), 1)
	}))
}

// Extreme limits neither overflow nor divide by zero.
func FuzzTake(f *testing.F) {
	f.Add(100, int64(time.Minute), 0, 1)
	f.Add(1_000_000, int64(time.Second), 100_000, 0)
	f.Add(1, int64(24*time.Hour), 100_000, 1)
	f.Fuzz(func(t *testing.T, rate int, period int64, burst, n int) {
		if rate < 1 || rate > 1_000_000 || period < int64(time.Second) || period > int64(24*time.Hour) || burst < 0 || burst > 100_000 || n < 0 || n > 1 {
			t.Skip("the configuration refuses it")
		}
		m, limit := ratelimit.NewMemory(), ratelimit.Limit{Rate: rate, Period: time.Duration(period), Burst: burst}
		for i := range 3 {
			d, err := m.Take(t.Context(), limit, client(1), n)
			require.NoError(t, err)
			assert.True(t, i > 0 || d.Allowed, "the first request")
			assert.GreaterOrEqual(t, d.Remaining, 0)
			assert.GreaterOrEqual(t, d.Reset, time.Duration(0))
			assert.Equal(t, d.Allowed, d.RetryAfter == 0)
			assert.Less(t, d.RetryAfter, time.Duration(math.MaxInt64/2))
		}
	})
}
