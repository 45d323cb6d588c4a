package server_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/server"
)

type readiness struct {
	Status string
	Checks map[string]struct {
		Status      string
		Latency     *float64 `json:"latency_ms"`
		Utilization *float64
	}
}

func ready(t *testing.T, h *server.Health) (*httptest.ResponseRecorder, readiness) {
	t.Helper()
	w := httptest.NewRecorder()
	c := echo.New().NewContext(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil), w)
	require.NoError(t, h.Ready(c))
	var body readiness
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body))
	return w, body
}

func passing(context.Context) error { return nil }

func TestLiveRunsNoCheck(t *testing.T) {
	t.Parallel()
	log, _ := newLog(t)
	h := server.NewHealth(log, server.Check{Name: "database", Func: func(context.Context) error { return errors.Sentinel("down") }})
	h.Stop()
	w := httptest.NewRecorder()
	require.NoError(t, h.Live(echo.New().NewContext(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/healthz", nil), w)))
	assert.Equal(t, http.StatusOK, w.Code)
	assert.JSONEq(t, `{"status":"ok"}`, w.Body.String())
}

func TestReady(t *testing.T) {
	t.Parallel()
	log, _ := newLog(t)
	h := server.NewHealth(log, server.Check{Name: "database", Func: passing}, server.Check{Name: "schema", Func: passing})
	w, body := ready(t, h)
	assert.Equal(t, http.StatusOK, w.Code)
	assert.Equal(t, "ready", body.Status)
	require.Len(t, body.Checks, 2)
	assert.Equal(t, "ok", body.Checks["database"].Status)
	require.NotNil(t, body.Checks["schema"].Latency)

	h.Stop()
	w, body = ready(t, h)
	assert.Equal(t, http.StatusServiceUnavailable, w.Code)
	assert.Equal(t, "1", w.Header().Get("Retry-After"))
	assert.Equal(t, "unready", body.Status)
	require.Len(t, body.Checks, 1)
	assert.Equal(t, "failed", body.Checks["shutdown"].Status, "the reason")

	w, body = ready(t, server.NewHealth(log))
	assert.Equal(t, http.StatusOK, w.Code, "nothing to check")
	assert.NotNil(t, body.Checks)
}

func TestUtilizedCheckIsDegraded(t *testing.T) {
	t.Parallel()
	log, _ := newLog(t)
	var used atomic.Value
	var failure error
	h := server.NewHealth(log,
		server.Check{Name: "pool", Func: func(context.Context) error { return failure }, Utilization: func() float64 { return used.Load().(float64) }},
		server.Check{Name: "plain", Func: passing})
	for utilization, want := range map[float64]string{0: "ok", 0.9: "ok", 0.934: "degraded", 1: "degraded"} {
		used.Store(utilization)
		w, body := ready(t, h)
		assert.Equal(t, http.StatusOK, w.Code, "a degraded replica stays in service")
		assert.Equal(t, want, body.Checks["pool"].Status)
		require.NotNil(t, body.Checks["pool"].Utilization)
		assert.InDelta(t, utilization, *body.Checks["pool"].Utilization, 0.005)
		assert.Nil(t, body.Checks["plain"].Utilization)
	}
	failure = errors.Sentinel("down")
	w, body := ready(t, h)
	assert.Equal(t, http.StatusServiceUnavailable, w.Code)
	assert.Equal(t, "failed", body.Checks["pool"].Status)
}

func TestFailedCheckHidesItsError(t *testing.T) {
	t.Parallel()
	log, _ := newLog(t)
	h := server.NewHealth(log,
		server.Check{Name: "good", Func: passing},
		server.Check{Name: "bad", Func: func(context.Context) error { return errors.Sentinel("dial db.internal: refused") }},
		server.Check{Name: "worse", Func: func(context.Context) error { panic("db.internal") }})
	w, body := ready(t, h)
	assert.Equal(t, http.StatusServiceUnavailable, w.Code)
	assert.Equal(t, "unready", body.Status)
	assert.Equal(t, "ok", body.Checks["good"].Status)
	assert.Equal(t, "failed", body.Checks["bad"].Status)
	assert.Equal(t, "failed", body.Checks["worse"].Status)
	assert.NotContains(t, w.Body.String(), "db.internal")
}

func TestCheckLogsFailureAndRecoveryOnce(t *testing.T) {
	t.Parallel()
	log, logs := newLog(t)
	var down atomic.Bool
	h := server.NewHealth(log, server.Check{Name: "database", Func: func(context.Context) error {
		if down.Load() {
			return errors.Sentinel("refused")
		}
		return nil
	}})
	for _, state := range []bool{false, true, true, true, false, false} {
		down.Store(state)
		ready(t, h)
	}
	failed := logs.events(t, "readiness_check_failed")
	require.Len(t, failed, 1)
	assert.Equal(t, "database", failed[0]["check"])
	assert.Equal(t, "refused", failed[0]["error"])
	assert.Len(t, logs.events(t, "readiness_check_recovered"), 1)
}

func TestChecksRunConcurrently(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, _ := newLog(t)
		nap := func(ctx context.Context) error {
			select {
			case <-time.After(time.Second):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		began := time.Now()
		w, _ := ready(t, server.NewHealth(log, server.Check{Name: "a", Func: nap}, server.Check{Name: "b", Func: nap}))
		assert.Equal(t, http.StatusOK, w.Code)
		assert.Equal(t, time.Second, time.Since(began))
	})
}

func TestHangingCheckTimesOutAndRunsOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, _ := newLog(t)
		var started atomic.Int32
		release := make(chan struct{})
		h := server.NewHealth(log,
			server.Check{Name: "deaf", Func: func(context.Context) error { started.Add(1); <-release; return nil }})
		for range 5 {
			began := time.Now()
			w, body := ready(t, h)
			assert.Equal(t, http.StatusServiceUnavailable, w.Code)
			assert.Equal(t, 2*time.Second, time.Since(began), "the timeout of a check")
			assert.InDelta(t, 2000, *body.Checks["deaf"].Latency, 1)
		}
		assert.EqualValues(t, 1, started.Load())
		close(release)
		synctest.Wait()
	})
}

// A check that one request started is the result of all that wait for it, also if that one leaves.
func TestClientThatLeavesDoesNotFailTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, logs := newLog(t)
		release := make(chan struct{})
		h := server.NewHealth(log, server.Check{Name: "slow", Func: func(ctx context.Context) error {
			select {
			case <-release:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}})
		ctx, leave := context.WithCancel(t.Context())
		var clients sync.WaitGroup
		clients.Go(func() {
			r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/readyz", nil)
			assert.NoError(t, h.Ready(echo.New().NewContext(r, httptest.NewRecorder()))) //nolint:contextcheck // the ctx is in the request
		})
		synctest.Wait() // the first runs the check
		clients.Go(func() {
			w, _ := ready(t, h)
			assert.Equal(t, http.StatusOK, w.Code)
		})
		synctest.Wait() // the second waits for it
		leave()
		synctest.Wait()
		close(release)
		clients.Wait()
		assert.Empty(t, logs.events(t, "readiness_check_failed"))
	})
}

func TestCanceledReadyzRequestDoesNotFailTheCheck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, logs := newLog(t)
		release := make(chan struct{})
		h := server.NewHealth(log, server.Check{Name: "slow", Func: func(context.Context) error { <-release; return nil }})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/readyz", nil)
		require.NoError(t, h.Ready(echo.New().NewContext(r, w)))
		close(release)
		got, _ := ready(t, h)
		assert.Equal(t, http.StatusOK, got.Code)
		assert.Empty(t, logs.events(t, "readiness_check_failed"))
	})
}
