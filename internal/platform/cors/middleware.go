package cors

import (
	"cmp"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/labstack/echo/v4"
	"github.com/sirupsen/logrus"
	"golang.org/x/time/rate"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// CORS applies a [Config] to requests. It is safe for concurrent use.
type CORS struct {
	policy   atomic.Pointer[policy]
	log      logging.Logger
	refusals *rate.Limiter // of lines in the log
	dropped  atomic.Int64
}

// New compiles a Config. The error is a CORS_VALIDATION_ERROR that has everything that is wrong in
// details.fields. A zero log means the logger of this package.
func New(cfg Config, log logging.Logger) (*CORS, error) {
	if log.IsZero() {
		log = logging.For()
	}
	c := &CORS{log: log, refusals: rate.NewLimiter(10, 10)}
	return c, c.Reconfigure(cfg)
}

// Reconfigure replaces the Config, or returns an error as New does and keeps the old one.
func (c *CORS) Reconfigure(cfg Config) error {
	var problems []errors.FieldError
	p := cfg.policy(func(variable, rule, message string) {
		problems = append(problems, errors.FieldError{Field: variable, Rule: rule, Message: message})
	})
	if len(problems) > 0 {
		return errors.New(errors.CodeCORSValidation, "The CORS configuration is not valid").With("fields", problems)
	}
	c.policy.Store(p)
	return nil
}

// Middleware answers preflights. It adds the headers to other responses before their handler runs,
// so that errors have them too.
func (c *CORS) Middleware(next echo.HandlerFunc) echo.HandlerFunc {
	return func(e echo.Context) error {
		r, p := e.Request(), c.policy.Load()
		d := p.decide(r)
		p.setHeaders(e.Response().Header(), r, d)
		c.record(r, p, d)
		switch {
		case !d.preflight:
			return next(e)
		case d.refusal != nil:
			return d.refusal
		}
		return e.NoContent(http.StatusNoContent)
	}
}

// setHeaders sets Vary on responses to refused origins and without an origin, too: else caches
// would serve them to allowed pages.
func (p *policy) setHeaders(h http.Header, r *http.Request, d decision) {
	list, vary := p.actual, "Origin"
	if d.preflight {
		list = p.preflight
	}
	if d.refusal != nil || d.origin == "" && !p.any {
		list = nil
	}
	own := make([]string, len(list)+1) // one allocation for all headers; handlers could change a shared slice
	for i, one := range list {
		own[i] = cmp.Or(one.value, d.origin)
		h[one.name] = own[i : i+1 : i+1]
	}
	if r.Method == http.MethodOptions {
		vary = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
	} else if p.any {
		return
	}
	own[len(list)] = vary
	h["Vary"] = append(own[len(list):], h["Vary"]...)
}

// record logs cors_decision and cors_blocked. Clients choose the origin, so it is cut, and refusals
// are limited.
func (c *CORS) record(r *http.Request, p *policy, d decision) {
	from, level := d.origin[:min(len(d.origin), 256)], logrus.DebugLevel
	if d.preflight {
		level = logrus.InfoLevel
	}
	if d.refusal != nil {
		if !c.log.Enabled(logrus.WarnLevel) {
			return
		}
		if _, host, _ := strings.Cut(from, "://"); !d.preflight && host == r.Host {
			return // browsers send Origin to the host of the page, too
		}
		if !c.refusals.Allow() {
			c.dropped.Add(1)
			return
		}
		c.log.Warn(r.Context(), "cors_blocked", logging.String("origin", from),
			logging.Any("reason", d.refusal.Details["reason"]), logging.Int64("dropped_count", c.dropped.Swap(0)))
	}
	if from != "" && (d.preflight || d.refusal == nil) && c.log.Enabled(level) {
		c.log.Log(r.Context(), level, "cors_decision", logging.String("origin", from),
			logging.Bool("allowed", d.refusal == nil), logging.String("preset", p.preset),
			logging.Bool("preflight", d.preflight))
	}
}
