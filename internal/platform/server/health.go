package server

import (
	"context"
	"math"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// Health has the handlers for liveness and readiness. Make one with [NewHealth]; its methods are
// safe for concurrent use.
type Health struct {
	probes   []*probe
	stopping atomic.Bool
}

// NewHealth returns a Health that is ready while every check passes. It logs when a check begins to
// fail, with the reason, and when it passes again; clients never see the reason. A zero log means
// the logger of this package.
func NewHealth(log logging.Logger, checks ...Check) *Health {
	log = orDefault(log)
	h := &Health{probes: make([]*probe, 0, len(checks))}
	for _, check := range checks {
		h.probes = append(h.probes, &probe{Check: check, log: log})
	}
	return h
}

// Stop makes readiness fail from now on. [Server.Run] calls it first when it shuts down.
func (h *Health) Stop() { h.stopping.Store(true) }

var alive = []byte("{\"status\":\"ok\"}\n")

// Live handles GET /healthz. It checks no dependency: restarting the process would not repair one.
func (h *Health) Live(c echo.Context) error {
	return c.JSONBlob(http.StatusOK, alive)
}

type readinessBody struct {
	Status string               `json:"status"`
	Checks map[string]checkBody `json:"checks"`
}

type checkBody struct {
	Status      string   `json:"status"` // ok, degraded or failed
	Latency     float64  `json:"latency_ms"`
	Utilization *float64 `json:"utilization,omitempty"`
}

const (
	degradedFrom = 0.9             // utilization above which a check is degraded
	probeTimeout = 2 * time.Second // of a check
)

// Ready handles GET /readyz. It runs all checks at once and responds 200 if every check passes and
// the service is not shutting down, else 503. It waits for a check that an earlier request started
// instead of starting it again. A degraded check passes.
func (h *Health) Ready(c echo.Context) error {
	if h.stopping.Load() {
		return respondReadiness(c, false, map[string]checkBody{"shutdown": {Status: "failed"}})
	}
	results := make([]checkBody, len(h.probes))
	var wg sync.WaitGroup
	for i, p := range h.probes {
		wg.Go(func() {
			start := time.Now()
			results[i].Status = "ok"
			if err := p.run(c.Request().Context()); err != nil {
				results[i].Status = "failed"
			}
			results[i].Latency = float64(time.Since(start).Microseconds()) / 1000
			if p.Utilization != nil {
				used := math.Round(p.Utilization()*100) / 100
				results[i].Utilization = &used
				if used > degradedFrom && results[i].Status == "ok" {
					results[i].Status = "degraded"
				}
			}
		})
	}
	wg.Wait()
	ready, checks := !h.stopping.Load(), make(map[string]checkBody, len(h.probes))
	for i, p := range h.probes {
		checks[p.Name] = results[i]
		ready = ready && results[i].Status != "failed"
	}
	return respondReadiness(c, ready, checks)
}

func respondReadiness(c echo.Context, ready bool, checks map[string]checkBody) error {
	if ready {
		return c.JSON(http.StatusOK, readinessBody{"ready", checks})
	}
	c.Response().Header().Set("Retry-After", "1")
	return c.JSON(http.StatusServiceUnavailable, readinessBody{"unready", checks})
}

// Check is one dependency of the service.
type Check struct {
	Name string                      // key in the response of /readyz
	Func func(context.Context) error // returns nil if the dependency is healthy; its ctx ends after two seconds
	// Utilization returns the share of the dependency's capacity that this replica uses, from 0 to 1.
	// Above 0.9 a passed check is degraded: a warning for people, since without this replica the
	// others would have even more to do. Nil if unknown.
	Utilization func() float64
}

// probe runs a check at most once at a time, so that neither a hanging dependency nor many requests
// to /readyz pile up goroutines.
type probe struct {
	Check
	log logging.Logger

	mu      sync.Mutex
	current *probeRun // nil if the check is not running
	failing bool
}

type probeRun struct {
	done chan struct{}
	err  error // valid after done is closed
}

// run returns the result of the current run of the check, or of a new one. It returns an error at
// the timeout even if the check ignores its ctx.
func (p *probe) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	r := p.currentRun(ctx)
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		p.logChange(ctx, ctx.Err())
		return ctx.Err()
	}
}

func (p *probe) currentRun(ctx context.Context) *probeRun {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current == nil {
		p.current = &probeRun{done: make(chan struct{})}
		// The run serves every request that waits for it, so it does not end with the request that
		// started it.
		go p.check(context.WithoutCancel(ctx), p.current)
	}
	return p.current
}

func (p *probe) check(ctx context.Context, r *probeRun) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	defer func() {
		if value := recover(); value != nil {
			r.err = errors.Recovered(value)
		}
		p.logChange(ctx, r.err)
		p.mu.Lock()
		p.current = nil
		p.mu.Unlock()
		close(r.done)
	}()
	r.err = p.Func(ctx)
}

// logChange logs when the check begins to fail or passes again, not for every request of an
// orchestrator.
func (p *probe) logChange(ctx context.Context, err error) {
	if errors.Is(err, context.Canceled) { // the client of /readyz left; the dependency may be healthy
		return
	}
	p.mu.Lock()
	changed := p.failing != (err != nil)
	p.failing = err != nil
	p.mu.Unlock()
	switch {
	case changed && err != nil:
		p.log.Warn(ctx, "readiness_check_failed", logging.String("check", p.Name), logging.Err(err))
	case changed:
		p.log.Info(ctx, "readiness_check_recovered", logging.String("check", p.Name))
	}
}
