package server_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
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
		Status  string
		Latency *float64 `json:"latency_ms"`
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

func TestLiveAsksNobody(t *testing.T) {
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

	w, body = ready(t, server.NewHealth(log))
	assert.Equal(t, http.StatusOK, w.Code, "nothing to check")
	assert.NotNil(t, body.Checks)
}

func TestFailedCheckShowsNothingOfItsError(t *testing.T) {
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

func TestFailureIsLoggedWhenItBeginsAndEnds(t *testing.T) {
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

func TestChecksRunAtOnce(t *testing.T) {
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

func TestHangingCheckTimesOutAndIsNotStartedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, _ := newLog(t)
		var started atomic.Int32
		letGo := make(chan struct{})
		h := server.NewHealth(log,
			server.Check{Name: "deaf", Func: func(context.Context) error { started.Add(1); <-letGo; return nil }},
			server.Check{Name: "quick", Timeout: time.Second, Func: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }})
		for range 5 {
			began := time.Now()
			w, body := ready(t, h)
			assert.Equal(t, http.StatusServiceUnavailable, w.Code)
			assert.Equal(t, 2*time.Second, time.Since(began), "the default timeout")
			assert.InDelta(t, 2000, *body.Checks["deaf"].Latency, 1)
			assert.InDelta(t, 1000, *body.Checks["quick"].Latency, 1)
		}
		assert.EqualValues(t, 1, started.Load())
		close(letGo)
		synctest.Wait()
	})
}

func TestClientOfReadyzThatLeavesDoesNotFailTheCheck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, logs := newLog(t)
		letGo := make(chan struct{})
		h := server.NewHealth(log, server.Check{Name: "slow", Func: func(context.Context) error { <-letGo; return nil }})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/readyz", nil)
		require.NoError(t, h.Ready(echo.New().NewContext(r, w)))
		close(letGo)
		got, _ := ready(t, h)
		assert.Equal(t, http.StatusOK, got.Code)
		assert.Empty(t, logs.events(t, "readiness_check_failed"))
	})
}
