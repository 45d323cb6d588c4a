package ratelimit_test

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/ratelimit"
	"github.com/netrun-systems/go-service-template/internal/platform/ratelimit/redistest"
)

// Two replicas under load together allow what is configured.
func TestReplicasShareTheAllowance(t *testing.T) {
	t.Parallel()
	url := redistest.Start(t).URL
	limit := ratelimit.Limit{Name: "joint", Rate: 200, Period: time.Second, Burst: 100}
	var allowed [2]atomic.Int64
	begin := time.Now()
	var all sync.WaitGroup
	for i := range allowed {
		replica, _ := newRedis(t, url, true)
		for range 2 {
			all.Go(func() {
				for time.Since(begin) < 3*time.Second {
					if d, err := replica.Take(t.Context(), limit, client(1), 1); assert.NoError(t, err) && d.Allowed {
						allowed[i].Add(1)
					}
				}
			})
		}
	}
	all.Wait()
	want := 100 + 200*time.Since(begin).Seconds()
	got := float64(allowed[0].Load() + allowed[1].Load())
	t.Logf("%d and %d requests of %.0f", allowed[0].Load(), allowed[1].Load(), want)
	assert.InEpsilon(t, want, got, 0.05)
	assert.NotZero(t, allowed[0].Load())
	assert.NotZero(t, allowed[1].Load())
}

// While Redis is down, each replica limits by itself; afterwards Redis counts again. The script is
// not in the new Redis.
func TestRedisKilledUnderLoad(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	r, logged := newRedis(t, server.URL, false)
	observer, _ := newRedis(t, server.URL, true) // another replica
	limit := ratelimit.Limit{Name: "load", Rate: 20, Period: time.Hour}
	var slowest, requests atomic.Int64
	var stopped atomic.Bool
	var all sync.WaitGroup
	defer all.Wait()
	defer stopped.Store(true)
	for worker := range 4 {
		all.Go(func() {
			for i := 0; !stopped.Load(); i++ {
				begin := time.Now()
				_, err := r.Take(t.Context(), limit, client(1000*worker+i), 1)
				assert.NoError(t, err, "an outage of Redis must not fail a request")
				slowest.Store(max(slowest.Load(), int64(time.Since(begin))))
				requests.Add(1)
			}
		})
	}
	progress := func() {
		t.Helper()
		seen := requests.Load()
		require.Eventually(t, func() bool { return requests.Load() > seen+100 }, 20*time.Second, time.Millisecond)
	}
	progress()
	server.Kill()
	require.Eventually(t, func() bool { return len(logged.names()) > 0 }, 20*time.Second, time.Millisecond)
	progress()
	allowed := 0
	for range 50 {
		if take(t, r, limit, client(-1)).Allowed {
			allowed++
		}
	}
	assert.Equal(t, 20, allowed, "without Redis the replica limits alone")

	server.Restart(t)
	require.Eventually(t, func() bool { return len(logged.names()) > 1 }, 20*time.Second, time.Millisecond)
	progress()
	stopped.Store(true)
	all.Wait()
	require.Equal(t, []string{"ratelimit_redis_failed", "ratelimit_redis_recovered"}, logged.names(), "one event for each end")
	for range 20 {
		require.True(t, take(t, r, limit, client(-2)).Allowed)
	}
	require.Eventually(t, func() bool { // the observer may still wait before it tries Redis again
		d, err := observer.Take(t.Context(), limit, client(-2), 0)
		return err == nil && !d.Allowed
	}, 20*time.Second, 10*time.Millisecond, "the replicas must share the counter again")
	t.Logf("the slowest of %d requests took %s", requests.Load(), time.Duration(slowest.Load()))
}

// With fail-closed an outage is a 503, and its end needs no restart.
func TestFailClosed(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	r, logged := newRedis(t, server.URL, true)
	limit := ratelimit.Limit{Rate: 10, Period: time.Hour}
	require.True(t, take(t, r, limit, client(1)).Allowed)
	server.Kill()
	for range 3 {
		_, err := r.Take(t.Context(), limit, client(1), 1)
		require.True(t, errors.HasCode(err, errors.CodeServiceUnavailable), err)
		assert.Equal(t, time.Second, errors.From(err).RetryAfter)
	}
	server.Restart(t)
	require.Eventually(t, func() bool {
		d, err := r.Take(t.Context(), limit, client(1), 1)
		return err == nil && d.Allowed
	}, 20*time.Second, 10*time.Millisecond)
	assert.Equal(t, []string{"ratelimit_redis_failed", "ratelimit_redis_recovered"}, logged.names())
}

// A Redis that accepts connections and never responds delays one request a second by 250 ms, and no
// other.
func TestUnresponsiveRedis(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	log, logged := newLog(t)
	r, err := ratelimit.NewRedis("redis://:secret-of-redis@"+l.Addr().String(), ratelimit.NewMemory(), false, log)
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	limit := ratelimit.Limit{Rate: 1000, Period: time.Hour}
	begin := time.Now()
	require.True(t, take(t, r, limit, client(1)).Allowed)
	assert.Less(t, time.Since(begin), 2*time.Second)
	begin = time.Now()
	for range 500 {
		require.True(t, take(t, r, limit, client(1)).Allowed)
	}
	assert.Less(t, time.Since(begin), 700*time.Millisecond)
	require.Equal(t, []string{"ratelimit_redis_failed"}, logged.names())
	assert.NotContains(t, logged.lines[0]["error"], "secret-of-redis")
}

// A request that was canceled says nothing about Redis.
func TestCanceledRequestIsNoOutage(t *testing.T) {
	t.Parallel()
	r, logged := newRedis(t, redistest.Start(t).URL, true)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := r.Take(ctx, ratelimit.Limit{Rate: 1, Period: time.Hour}, client(1), 1)
	require.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, logged.names())
	assert.True(t, take(t, r, ratelimit.Limit{Rate: 1, Period: time.Hour}, client(1)).Allowed)
}

func TestInvalidURLIsNotQuoted(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"http://:hunter22@host", "redis://:hunter22@host:port", "redis://host/hunter22", "hunter22"} {
		_, err := ratelimit.New(ratelimit.Config{Rate: 1, Period: time.Second, RedisURL: secret(url)}, log(t))
		require.Error(t, err, url)
		assert.NotContains(t, err.Error(), "hunter22")
		var problems []string
		(&ratelimit.Config{RedisURL: secret(url)}).Validate(func(variable, rule, message string) {
			problems = append(problems, variable+" "+rule+" "+message)
		})
		require.Len(t, problems, 1)
		assert.Contains(t, problems[0], "RATELIMIT_REDIS_URL url must be")
		assert.NotContains(t, problems[0], "hunter22")
	}
}
