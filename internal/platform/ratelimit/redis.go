package ratelimit

import (
	"context"
	"encoding/hex"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	redislogging "github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

const (
	redisTimeout = 250 * time.Millisecond // of a decision, a new connection included
	redisPause   = time.Second            // between attempts while Redis fails
	keyPrefix    = "ratelimit:"
)

// script is [Limit.take] on the theoretical arrival time in KEYS[1], in microseconds. ARGV holds the
// interval, the burst and n. It returns the time used before, rounded so that Go decides the same.
var script = redis.NewScript(`
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local interval, burst, n = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local used = math.min(math.max((tonumber(redis.call('GET', KEYS[1])) or 0) - now, 0), burst)
if used + interval * math.max(n, 1) > burst then
  return math.ceil(used)
end
local after = used + interval * n
if n > 0 then
  redis.call('SET', KEYS[1], string.format('%.17g', now + after), 'PX', math.ceil(after / 1000))
end
return math.floor(used)`)

// Redis is a [Limiter] that all replicas share. See the package documentation for failures of Redis.
type Redis struct {
	client     *redis.Client
	local      *Memory
	failClosed bool
	log        logging.Logger
	timeout    time.Duration

	start  time.Time
	resume atomic.Int64 // while Redis fails: when to try it again, in nanoseconds since start; else 0
}

// NewRedis returns a Limiter on the Redis at a URL, redis:// or rediss:// or unix://. It does not
// connect. While Redis fails it counts in local, or refuses if failClosed.
func NewRedis(url string, local *Memory, failClosed bool, log logging.Logger) (*Redis, error) {
	redislogging.Disable() // it writes to standard error; Take logs failures
	o, err := redis.ParseURL(url)
	if err != nil {
		return nil, errors.Sentinel("ratelimit: the URL of Redis is not valid") // err may quote the password
	}
	// One attempt: a request does not wait for a second one, and the next request is another.
	o.MaxRetries, o.DialerRetries = -1, 1
	o.ContextTimeoutEnabled, o.DialTimeout = true, redisTimeout
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return &Redis{
		client: redis.NewClient(o), local: local, failClosed: failClosed, log: log, timeout: redisTimeout, start: time.Now(),
	}, nil
}

// Close closes the connections.
func (r *Redis) Close() error { return r.client.Close() }

// Take implements [Limiter].
func (r *Redis) Take(ctx context.Context, l Limit, c Client, n int) (Decision, error) {
	now, resume := time.Since(r.start), r.resume.Load()
	var d Decision
	var err error
	if resume == 0 || now >= time.Duration(resume) && r.resume.CompareAndSwap(resume, int64(now+redisPause)) {
		switch d, err = r.ask(ctx, l, c, n); {
		case err == nil:
			if resume != 0 {
				r.resume.Store(0)
				r.log.Info(ctx, "ratelimit_redis_recovered")
			}
			return d, nil
		case ctx.Err() != nil: // the client has left or the request is too late; Redis may be healthy
			return d, fmt.Errorf("ask Redis for the rate limit: %w", context.Cause(ctx))
		case r.resume.Swap(int64(time.Since(r.start)+redisPause)) == 0:
			r.log.Warn(ctx, "ratelimit_redis_failed", logging.Bool("fail_closed", r.failClosed), logging.Err(err))
		}
	}
	if r.failClosed {
		return Decision{}, errors.Unavailable(err, "", redisPause)
	}
	return r.local.Take(ctx, l, c, n)
}

// ask runs the script.
func (r *Redis) ask(ctx context.Context, l Limit, c Client, n int) (Decision, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	interval, burst := l.times()
	key := keyPrefix + l.Name + ":" + hex.EncodeToString(c[:])
	used, err := script.Run(ctx, r.client, []string{key}, interval.Seconds()*1e6, burst.Seconds()*1e6, n).Int64()
	if err != nil {
		return Decision{}, err
	}
	d, _ := l.take(time.Duration(used)*time.Microsecond, n)
	return d, nil
}
