package integration

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

func TestRequestAndErrorAreLoggedOnce(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	ada := s.client.register()
	for i, tt := range []struct {
		request
		status int
		level  string
		route  string
	}{
		{request{method: "GET", path: "/v1/audit?event=canary"}, http.StatusOK, "info", "/v1/audit"},
		{request{method: "GET", path: resources + "/canary"}, http.StatusBadRequest, "warning", resources + "/:id"},
		{request{method: "GET", path: "/nowhere"}, http.StatusNotFound, "info", "unmatched"},
		{request{method: "PUT", path: resources, body: "{}"}, http.StatusMethodNotAllowed, "warning", resources},
	} {
		id := "test-id." + string(rune('a'+i))
		tt.header = map[string]string{"X-Correlation-ID": id}
		res := ada.do(tt.request)
		assert.Equal(t, tt.status, res.status)
		assert.Equal(t, id, res.header.Get("X-Correlation-ID"), "a valid correlation id must be used")
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
			assert.Equal(t, 1, raised, "number of exception_raised lines")
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
		assert.Equal(t, 1, n, "number of http_request lines of %s", id)
	}
	assert.Empty(t, s.raw, "every line must be JSON")
	dump := s.dump()
	assert.NotContains(t, dump, ada.token)
	assert.NotContains(t, dump, password)
	assert.NotContains(t, dump, strings.Split(s.dsn, "@")[0], "the log must not contain the database credentials")
	for _, event := range []string{"config_loaded", "pool_initializing", "pool_initialized", "service_started", "service_stopping", "service_stopped"} {
		assert.Len(t, s.events(event), 1, event)
	}
}

func TestRejectedTokenIsLoggedOnce(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	for id, header := range map[string]map[string]string{
		"token": {"Authorization": "Bearer not.a.token"}, "scheme": {"Authorization": "Bearer "},
		"key": {"X-API-Key": "no key"}, "both": {"Authorization": "Bearer a.b.c", "X-API-Key": "no key"},
	} {
		header["X-Correlation-ID"] = id
		assert.Contains(t, []int{http.StatusUnauthorized, http.StatusBadRequest}, s.client.do(request{method: "GET", path: "/v1/me", header: header}).status)
		mine := func(line map[string]any) bool { return line["correlation_id"] == id }
		s.awaitThat(t, "http_request", mine)
		s.awaitThat(t, "token_rejected", mine)
		for _, line := range s.events("exception_raised") {
			assert.NotEqual(t, id, line["correlation_id"])
		}
	}
}

func TestForwardedForFromTrustedProxiesOnly(t *testing.T) {
	t.Parallel()
	for trusted, want := range map[string]string{"": "127.0.0.1", "127.0.0.0/8": "203.0.113.9"} {
		s := start(t, env{"HTTP_TRUSTED_PROXIES": trusted})
		s.client.do(request{method: "GET", path: "/nowhere", header: map[string]string{"X-Forwarded-For": "198.51.100.1, 203.0.113.9"}})
		line := s.awaitThat(t, "http_request", func(line map[string]any) bool { return line["path"] == "/nowhere" })
		assert.Equal(t, want, line["remote_ip"], trusted)
	}
}

func TestDisconnectedClientIsLoggedAs499(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	ada := s.client.register()
	release := lockResources(t, s.dsn)
	defer release()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, ada.base+resources, strings.NewReader(`{"name":"x","scopes":["users:read"]}`))
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
	own.CancelRequest(req) //nolint:staticcheck // closes the connection without canceling the context of the test
	<-done
	line := s.awaitThat(t, "http_request", func(line map[string]any) bool { return line["route"] == resources && line["method"] == "POST" })
	assert.EqualValues(t, errors.StatusClientClosedRequest, line["status"])
}

func TestAdminListener(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	require.NotEmpty(t, s.admin)
	admin := client{t: t, base: s.admin}
	metrics := admin.get("/metrics")
	assert.Equal(t, http.StatusOK, metrics.status)
	for _, name := range []string{"max_open", "open", "in_use", "idle", "wait_count_total", "wait_duration_seconds_total"} {
		assert.Regexp(t, `(?m)^go_sql_`+name+`(_connections)?\{db_name="main"\} \d`, string(metrics.body))
	}
	assert.Equal(t, http.StatusOK, admin.get("/debug/pprof/").status)
	s.client.get("/metrics").problem(errors.CodeNotFound)
	s.client.get("/debug/pprof/").problem(errors.CodeNotFound)

	assert.Contains(t, string(metrics.body), "\ngo_gc_gogc_percent 200\n")

	off := start(t, env{"ADMIN_ADDR": ""})
	assert.Empty(t, off.admin)
}

func TestEnvironmentSetsTheCollector(t *testing.T) {
	t.Parallel()
	admin := client{t: t, base: start(t, env{"GOGC": "150"}).admin}
	assert.Contains(t, string(admin.get("/metrics").body), "\ngo_gc_gogc_percent 150\n")
}

func TestTraceIDBecomesCorrelationID(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	header := map[string]string{"traceparent": "00-" + trace + "-00f067aa0ba902b7-01"}
	res := s.client.do(request{method: "GET", path: "/v1/me", header: header})
	assert.Equal(t, trace, res.header.Get("X-Correlation-ID"))
	line := s.awaitThat(t, "http_request", func(line map[string]any) bool { return line["correlation_id"] == trace })
	assert.Equal(t, trace, line["trace_id"])
	assert.Len(t, line["span_id"], 16)

	header["X-Correlation-ID"] = "mine"
	assert.Equal(t, "mine", s.client.do(request{method: "GET", path: "/v1/me", header: header}).header.Get("X-Correlation-ID"))
	bad := s.client.do(request{method: "GET", path: "/v1/me", header: map[string]string{"traceparent": "00-" + trace + "-0000000000000000-01"}})
	assert.NotEqual(t, trace, bad.header.Get("X-Correlation-ID"))
}
