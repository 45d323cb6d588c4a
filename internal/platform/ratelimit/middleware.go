package ratelimit

import (
	"cmp"
	"math"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// Limits makes the middleware of routes. A nil *Limits limits nothing.
type Limits struct {
	shared Limiter // redis, or without it local
	redis  *Redis
	local  *Memory
	limit  atomic.Pointer[Limit]
}

// New returns the limits of a configuration.
func New(cfg Config, log logging.Logger) (*Limits, error) {
	l := &Limits{local: NewMemory()}
	l.shared = l.local
	l.Reconfigure(cfg)
	if cfg.RedisURL.IsZero() {
		return l, nil
	}
	var err error
	l.redis, err = NewRedis(cfg.RedisURL.Reveal(), l.local, cfg.FailClosed, log)
	l.shared = l.redis
	return l, err
}

// Reconfigure changes rate, period and burst. It may be called at any time.
func (l *Limits) Reconfigure(cfg Config) {
	l.limit.Store(&Limit{Rate: cfg.Rate, Period: cfg.Period, Burst: cmp.Or(cfg.Burst, cfg.Rate)})
}

// Close closes the connections to Redis.
func (l *Limits) Close() error {
	if l == nil || l.redis == nil {
		return nil
	}
	return l.redis.Close()
}

// Route is the limit of one or several routes.
type Route struct {
	Name    string // of the counter; "default" if empty
	Divisor int    // divides RATELIMIT_RATE and RATELIMIT_BURST; zero means 1
}

// of returns the limit of a route.
func (l *Limits) of(r Route) Limit {
	limit, divisor := *l.limit.Load(), max(r.Divisor, 1)
	limit.Name = cmp.Or(r.Name, "default")
	limit.Rate, limit.Burst = max(limit.Rate/divisor, 1), max(limit.Burst/divisor, 1)
	return limit
}

// Requests returns middleware that limits the requests of each client. It follows the
// authentication, if there is one, so that the client is the principal and not its address.
func (l *Limits) Requests(r Route) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		if l == nil {
			return next
		}
		return func(c echo.Context) error {
			limit := l.of(r)
			d, err := l.shared.Take(c.Request().Context(), limit, clientOf(c), 1)
			if err != nil {
				return err
			}
			return answer(c, limit, d, next)
		}
	}
}

// Failures limits the failed authentications of each address in this process: it wraps middleware
// that authenticates, and counts its 401, except for expired tokens. Over the limit they become 429;
// valid tokens pass, since others may have the same address. API keys, which cost a query, do not.
func (l *Limits) Failures(authenticate echo.MiddlewareFunc) echo.MiddlewareFunc {
	if l == nil {
		return authenticate
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		authenticated := authenticate(next)
		return func(c echo.Context) error {
			name := "authentication"
			count := func(n int) error {
				limit := l.of(Route{Name: name})
				if d, _ := l.local.Take(c.Request().Context(), limit, addressOf(c), n); !d.Allowed {
					return answer(c, limit, d, nil)
				}
				return nil
			}
			if c.Request().Header.Get(auth.HeaderAPIKey) != "" {
				name = "api_keys"
				if err := count(0); err != nil {
					return err
				}
			}
			err := authenticated(c)
			if errors.From(err).Status() == http.StatusUnauthorized && !errors.HasCode(err, errors.CodeTokenExpired) {
				return cmp.Or(count(1), err)
			}
			return err
		}
	}
}

// answer sets the fields RateLimit and RateLimit-Policy, and calls next if the request is allowed.
func answer(c echo.Context, l Limit, d Decision, next echo.HandlerFunc) error {
	h := c.Response().Header()
	b := appendField(make([]byte, 0, 128), l.Name, ";r=", d.Remaining, ";t=", d.Reset)
	state := len(b)
	both := string(appendField(b, l.Name, ";q=", l.Rate, ";w=", l.Period))
	values := []string{both[:state], both[state:]}
	h["Ratelimit"], h["Ratelimit-Policy"] = values[:1:1], values[1:] // as http.Header spells them
	if !d.Allowed {
		return errors.RateLimited(d.RetryAfter)
	}
	return next(c)
}

// appendField appends a name with two parameters; the second one is in seconds, rounded up.
func appendField(b []byte, name, first string, n int, second string, d time.Duration) []byte {
	b = append(append(append(b, '"'), name...), '"')
	b = strconv.AppendInt(append(b, first...), int64(n), 10)
	return strconv.AppendInt(append(b, second...), int64(math.Ceil(d.Seconds())), 10)
}

// clientOf returns the id of the API key or the user of a request, else its address: no credential.
func clientOf(c echo.Context) Client {
	p, ok := auth.PrincipalFrom(c.Request().Context())
	switch {
	case ok && p.APIKeyID != uuid.Nil:
		return newClient('k', p.APIKeyID)
	case ok:
		return newClient('u', p.UserID)
	}
	return addressOf(c)
}

// addressOf returns the network of a request. [echo.Context.RealIP] decides which proxies to
// believe. Requests without an address, for example from a Unix socket, share one client.
func addressOf(c echo.Context) Client { return newClient('a', auth.Network(c.RealIP()).As16()) }

func newClient(kind byte, id [16]byte) (c Client) {
	c[0] = kind
	copy(c[1:], id[:])
	return c
}
