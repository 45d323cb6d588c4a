package server_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// settings returns the defaults with a free port and without an admin listener.
func settings(t testing.TB) server.Config {
	t.Helper()
	cfg, _, err := config.Load[server.Config](t.Context(), config.Options{Dir: t.TempDir(), Lookup: func(name string) (string, bool) {
		value, ok := map[string]string{
			"HTTP_ADDR": "127.0.0.1:0", "ADMIN_ADDR": "", "HTTP_SHUTDOWN_TIMEOUT": "10s", "APP_ENVIRONMENT": "testing",
		}[name]
		return value, ok
	}})
	require.NoError(t, err)
	return *cfg
}

// logBuffer collects the log lines of a test.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *logBuffer) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

// events returns the lines of one event.
func (j *logBuffer) events(t testing.TB, name string) []map[string]any {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	var found []map[string]any
	lines := bufio.NewScanner(bytes.NewReader(j.text.Bytes()))
	for lines.Scan() {
		var line map[string]any
		require.NoError(t, json.Unmarshal(lines.Bytes(), &line))
		if line["event"] == name {
			found = append(found, line)
		}
	}
	return found
}

// await returns the lines of an event once there is one; some are written after the client has its
// answer.
func (j *logBuffer) await(t testing.TB, name string) []map[string]any {
	t.Helper()
	require.Eventually(t, func() bool { return len(j.events(t, name)) > 0 }, 5*time.Second, time.Millisecond, name)
	return j.events(t, name)
}

func newLog(t testing.TB) (logging.Logger, *logBuffer) {
	t.Helper()
	j := new(logBuffer)
	core, err := logging.NewCore(logging.Options{App: "test", Environment: "testing", Level: "info", Format: "json", Output: j})
	require.NoError(t, err)
	return logging.New(core, "server"), j
}

// testServer is a running server.
type testServer struct {
	*server.Server
	url    string
	client *http.Client
	health *server.Health
	logs   *logBuffer
	stop   context.CancelCauseFunc // ends the ctx of Run, as a signal does
	done   chan error              // the result of Run
}

func start(t testing.TB, cfg server.Config, routes func(*echo.Echo)) *testServer {
	t.Helper()
	log, logs := newLog(t)
	health := server.NewHealth(log)
	e := server.NewEcho(cfg, log)
	e.GET("/readyz", health.Ready)
	if routes != nil {
		routes(e)
	}
	metrics := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "up 1\n") })
	ctx, stop := context.WithCancelCause(context.Background())
	r := &testServer{
		Server: server.New(cfg, e, server.Options{Log: log, Health: health, Version: "v1.2.3", Metrics: metrics}),
		client: &http.Client{Transport: &http.Transport{}, Timeout: 20 * time.Second},
		health: health, logs: logs, stop: stop, done: make(chan error, 1),
	}
	require.NoError(t, r.Listen(ctx))
	r.url = "http://" + r.Addr().String()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.done <- r.Run(ctx)
	}()
	t.Cleanup(func() {
		stop(nil)
		r.client.CloseIdleConnections()
		<-ended
	})
	return r
}

type answer struct {
	status int
	header http.Header
	body   string
	closed bool // the server closes the connection
	err    error
}

func (a answer) json(t testing.TB) map[string]any {
	t.Helper()
	require.NoError(t, a.err)
	var body map[string]any
	require.NoError(t, json.Unmarshal([]byte(a.body), &body), a.body)
	return body
}

func (r *testServer) send(t testing.TB, method, path string, body io.Reader, headers ...string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, r.url+path, body)
	if err != nil {
		return answer{err: err}
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := r.client.Do(request)
	if err != nil {
		return answer{err: err}
	}
	defer func() { assert.NoError(t, response.Body.Close()) }()
	text, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, string(text), response.Close, err}
}

func (r *testServer) get(t testing.TB, path string, headers ...string) answer {
	t.Helper()
	return r.send(t, http.MethodGet, path, nil, headers...)
}
