package integration

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

func TestEveryRequestIsLoggedOnce(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	ada := s.client.register()
	for i, tt := range []struct {
		request
		status int
		level  string
		route  string
	}{
		{request{method: "GET", path: "/v1/notes?q=canary"}, http.StatusOK, "info", "/v1/notes"},
		{request{method: "GET", path: "/v1/notes/canary"}, http.StatusBadRequest, "warning", "/v1/notes/:id"},
		{request{method: "GET", path: "/nowhere"}, http.StatusNotFound, "info", "unmatched"},
		{request{method: "PUT", path: "/v1/notes", body: "{}"}, http.StatusMethodNotAllowed, "warning", "/v1/notes"},
	} {
		id := "test-id." + string(rune('a'+i))
		tt.header = map[string]string{"X-Correlation-ID": id}
		res := ada.do(tt.request)
		assert.Equal(t, tt.status, res.status)
		assert.Equal(t, id, res.header.Get("X-Correlation-ID"), "a good id is taken over")
		line := s.awaitThat(t, "http_request", func(line map[string]any) bool { return line["correlation_id"] == id })
		assert.EqualValues(t, tt.status, line["status"])
		assert.Equal(t, tt.level, line["level"], tt.path)
		assert.Equal(t, tt.route, line["route"], tt.path)
		assert.Equal(t, tt.method, line["method"])
		assert.Equal(t, "127.0.0.1", line["remote_ip"])
		assert.Contains(t, line, "duration_ms")
		if tt.status == http.StatusOK {
			assert.Equal(t, ada.tenantID, line["tenant_id"])
			assert.Equal(t, ada.userID, line["user_id"])
		}
		if tt.status >= http.StatusBadRequest {
			var raised int
			for _, e := range s.events("exception_raised") {
				if e["correlation_id"] == id {
					raised++
				}
			}
			assert.Equal(t, 1, raised, "an error is logged once")
		}
	}
	for _, bad := range []string{"with space", strings.Repeat("x", 129), "new\tline"} {
		res := ada.do(request{method: "GET", path: "/v1/me", header: map[string]string{"X-Correlation-ID": bad}})
		assert.NotEqual(t, bad, res.header.Get("X-Correlation-ID"))
		assert.NotEmpty(t, res.header.Get("X-Correlation-ID"))
	}
	s.stop(t)
	requests := map[any]int{}
	for _, line := range s.events("http_request") {
		requests[line["correlation_id"]]++
	}
	for id, n := range requests {
		assert.Equal(t, 1, n, "%s is logged once", id)
	}
	assert.Empty(t, s.raw, "every line is JSON")
	dump := s.dump()
	assert.NotContains(t, dump, ada.token)
	assert.NotContains(t, dump, password)
	assert.NotContains(t, dump, strings.Split(s.dsn, "@")[0], "no credentials of the database")
	for _, event := range []string{"config_loaded", "pool_initializing", "pool_initialized", "service_started", "service_stopping", "service_stopped"} {
		assert.Len(t, s.events(event), 1, event)
	}
}

func TestForwardedForIsBelievedFromTrustedProxiesOnly(t *testing.T) {
	t.Parallel()
	for trusted, want := range map[string]string{"": "127.0.0.1", "127.0.0.0/8": "203.0.113.9"} {
		s := start(t, env{"HTTP_TRUSTED_PROXIES": trusted})
		s.client.do(request{method: "GET", path: "/nowhere", header: map[string]string{"X-Forwarded-For": "198.51.100.1, 203.0.113.9"}})
		line := s.awaitThat(t, "http_request", func(line map[string]any) bool { return line["path"] == "/nowhere" })
		assert.Equal(t, want, line["remote_ip"], trusted)
	}
}

func TestClientThatGoesAwayIs499(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	ada := s.client.register()
	release := lockNotes(t, s.dsn)
	defer release()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, ada.base+"/v1/notes", strings.NewReader(`{"title":"x"}`))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+ada.token)
	req.Header.Set("Content-Type", "application/json")
	own := &http.Transport{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		res, err := own.RoundTrip(req)
		if err == nil {
			_ = res.Body.Close()
		}
	}()
	awaitWaiting(t, s.dsn, 1)
	own.CancelRequest(req) //nolint:staticcheck // the connection is closed without ending the test's ctx
	<-done
	line := s.awaitThat(t, "http_request", func(line map[string]any) bool { return line["route"] == "/v1/notes" && line["method"] == "POST" })
	assert.EqualValues(t, errors.StatusClientClosedRequest, line["status"])
}

func TestAdminListener(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	require.NotEmpty(t, s.admin)
	admin := client{t: t, base: s.admin}
	metrics := admin.get("/metrics")
	assert.Equal(t, http.StatusOK, metrics.status)
	assert.Contains(t, string(metrics.body), "go_sql_max_open_connections")
	assert.Equal(t, http.StatusOK, admin.get("/debug/pprof/").status)
	s.client.get("/metrics").problem(errors.CodeNotFound)
	s.client.get("/debug/pprof/").problem(errors.CodeNotFound)

	off := start(t, env{"ADMIN_ADDR": ""})
	assert.Empty(t, off.admin)
}
