package server

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// Health answers the questions of an orchestrator: is the process alive, and may it be sent requests. Make one with
// [NewHealth]; its methods are safe for concurrent use.
type Health struct {
	probes   []*probe
	stopping atomic.Bool
}

// NewHealth returns a Health that is ready while every check passes. The reason of a failure goes to log, when it begins
// and when it is over, and never to the client. A zero log means the package's own.
func NewHealth(log logging.Logger, checks ...Check) *Health {
	log = own(log)
	h := &Health{probes: make([]*probe, 0, len(checks))}
	for _, check := range checks {
		h.probes = append(h.probes, newProbe(log, check))
	}
	return h
}

// Stop turns readiness off for good. [Server.Run] calls it first when it shuts down.
func (h *Health) Stop() { h.stopping.Store(true) }

// Live handles GET /healthz. It asks no dependency: restarting the process would not mend one.
func (h *Health) Live(c echo.Context) error {
	return c.JSON(http.StatusOK, map[string]string{"status": "ok"})
}

type readiness struct {
	Status string             `json:"status"`
	Checks map[string]outcome `json:"checks"`
}

type outcome struct {
	Status  string  `json:"status"`
	Latency float64 `json:"latency_ms"`
}

// Ready handles GET /readyz. It runs every check at once and answers 200 where all pass, else, or while the service is
// stopping, 503. A check that is still running from an earlier request is waited for, not started again.
func (h *Health) Ready(c echo.Context) error {
	answer := readiness{Status: "ready", Checks: make(map[string]outcome, len(h.probes))}
	if h.stopping.Load() {
		answer.Status = "unready"
		return unready(c, answer)
	}
	outcomes := make([]outcome, len(h.probes))
	var wg sync.WaitGroup
	for i, p := range h.probes {
		wg.Go(func() {
			began := time.Now()
			outcomes[i].Status = "ok"
			if err := p.ask(c.Request().Context()); err != nil {
				outcomes[i].Status = "failed"
			}
			outcomes[i].Latency = float64(time.Since(began).Microseconds()) / 1000
		})
	}
	wg.Wait()
	for i, p := range h.probes {
		answer.Checks[p.Name] = outcomes[i]
		if outcomes[i].Status != "ok" {
			answer.Status = "unready"
		}
	}
	if answer.Status != "ready" || h.stopping.Load() {
		answer.Status = "unready"
		return unready(c, answer)
	}
	return c.JSON(http.StatusOK, answer)
}

func unready(c echo.Context, answer readiness) error {
	c.Response().Header().Set("Retry-After", "1")
	return c.JSON(http.StatusServiceUnavailable, answer)
}
