package benchmarks_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	rs "github.com/rs/cors"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/cors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// corsRequests are a request and a preflight of the last allowed origin, and those of another one.
var corsRequests = []struct {
	name, method string
	allowed      bool
}{
	{"actual/allowed", http.MethodGet, true},
	{"actual/refused", http.MethodGet, false},
	{"preflight/allowed", http.MethodOptions, true},
	{"preflight/refused", http.MethodOptions, false},
}

var corsSizes = []int{1, 9, 1000}

// corsCalls returns calls of a handler behind the CORS middleware of this project, Echo and rs/cors.
func corsCalls(tb testing.TB, size int, method string, allowed bool) (this, echos, rss func()) {
	tb.Helper()
	methods, headers := []string{"GET", "PUT"}, []string{"Authorization", "Content-Type"}
	var origins []string
	for i := range size {
		origins = append(origins, fmt.Sprintf("https://app%d.example.com", i))
	}
	r := httptest.NewRequestWithContext(tb.Context(), method, "/", nil)
	r.Header.Set("Origin", origins[size-1])
	if !allowed {
		r.Header.Set("Origin", "https://evil.example.net")
	}
	if method == http.MethodOptions {
		r.Header.Set("Access-Control-Request-Method", "PUT")
		r.Header.Set("Access-Control-Request-Headers", "authorization,content-type")
	}
	core, err := logging.NewCore(logging.Options{Output: io.Discard, Level: "critical"})
	require.NoError(tb, err)
	ours, err := cors.New(cors.Config{
		Preset: "custom", Origins: origins, AllowMethods: methods, AllowHeaders: headers,
	}, logging.New(core, "bench"))
	require.NoError(tb, err)
	others := rs.New(rs.Options{AllowedOrigins: origins, AllowedMethods: methods, AllowedHeaders: headers})
	call := func(m echo.MiddlewareFunc) func() {
		w := headersOnly{http.Header{}}
		c := echo.New().NewContext(r, w)
		handler := m(func(echo.Context) error { return nil })
		return func() {
			clear(w.header)
			c.Reset(r, w)
			_ = handler(c) // a refused preflight may be an error
		}
	}
	return call(ours.Middleware),
		call(middleware.CORSWithConfig(middleware.CORSConfig{AllowOrigins: origins, AllowMethods: methods, AllowHeaders: headers})),
		call(echo.WrapMiddleware(others.Handler))
}

type headersOnly struct{ header http.Header }

func (w headersOnly) Header() http.Header         { return w.header }
func (w headersOnly) Write(b []byte) (int, error) { return len(b), nil }
func (w headersOnly) WriteHeader(int)             {}

func BenchmarkCORS(b *testing.B) {
	for _, r := range corsRequests {
		for _, size := range corsSizes {
			this, echos, others := corsCalls(b, size, r.method, r.allowed)
			for _, one := range []struct {
				name string
				call func()
			}{{"this", this}, {"echo", echos}, {"rs", others}} {
				b.Run(fmt.Sprintf("%s/%d/%s", r.name, size, one.name), func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						one.call()
					}
				})
			}
		}
	}
}

func TestCORSCostsLessThanOthersAtAnySize(t *testing.T) {
	for _, r := range corsRequests {
		var times []float64
		for _, size := range corsSizes {
			this, echos, others := corsCalls(t, size, r.method, r.allowed)
			limit := map[string]float64{http.MethodGet: 1, http.MethodOptions: 2}[r.method]
			assert.LessOrEqual(t, testing.AllocsPerRun(100, this), limit, "%s with %d origins", r.name, size)
			best := fastest(this, others)
			const few = 100 // Echo's takes up to half a millisecond
			begin := time.Now()
			for range few {
				echos()
			}
			echoTakes := time.Since(begin) / few
			t.Logf("%s with %d origins: %s, echo %s, rs/cors %s", r.name, size, best[0], echoTakes, best[1])
			assert.Less(t, best[0], best[1], "%s with %d origins", r.name, size)
			assert.Less(t, best[0], echoTakes, "%s with %d origins", r.name, size)
			times = append(times, float64(best[0]))
		}
		assert.Less(t, times[2], 2*times[0], "%s: 1000 origins cost as much as one", r.name)
	}
}
