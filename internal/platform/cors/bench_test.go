package cors

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
)

var benchRequests = []struct {
	name, method, origin string
	maxAllocs            float64
}{
	{"actual/allowed", http.MethodGet, "https://app0.example.com", 1},
	{"actual/refused", http.MethodGet, "https://evil.example.net", 1},
	{"actual/subdomain", http.MethodGet, "https://a.b.example.org", 2}, // one in publicsuffix, for credentials
	{"preflight/allowed", http.MethodOptions, "https://app0.example.com", 2},
	{"preflight/refused", http.MethodOptions, "https://evil.example.net", 2},
}

// sizes are the numbers of exact origins. The policies also have a wildcard.
var sizes = []int{1, 9, 1000}

// benchCall returns a call of the middleware alone, with a response that is used again.
func benchCall(tb testing.TB, size int, method, origin string) func() {
	tb.Helper()
	origins := []string{"https://*.example.org"}
	for i := range size {
		origins = append(origins, fmt.Sprintf("https://app%d.example.com", i))
	}
	b := serve(tb, "critical", "CORS_ORIGINS="+strings.Join(origins, ","))
	r := httptest.NewRequestWithContext(tb.Context(), method, "/notes", nil)
	r.Header.Set("Origin", origin)
	if method == http.MethodOptions {
		r.Header.Set("Access-Control-Request-Method", http.MethodPut)
		r.Header.Set("Access-Control-Request-Headers", "authorization,content-type")
	}
	w := discard{http.Header{}}
	c := b.NewContext(r, w)
	handler := b.cors.Middleware(func(echo.Context) error { return nil })
	return func() {
		clear(w.header)
		c.Response().Committed = false
		_ = handler(c) // a refused preflight is an error
	}
}

type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

func TestAllocations(t *testing.T) {
	for _, size := range sizes {
		for _, r := range benchRequests {
			call := benchCall(t, size, r.method, r.origin)
			call()
			assert.LessOrEqual(t, testing.AllocsPerRun(100, call), r.maxAllocs, "%s with %d origins", r.name, size)
		}
	}
}

func BenchmarkMiddleware(b *testing.B) {
	for _, r := range benchRequests {
		for _, size := range sizes {
			b.Run(fmt.Sprintf("%s/%d", r.name, size), func(b *testing.B) {
				call := benchCall(b, size, r.method, r.origin)
				b.ReportAllocs()
				for b.Loop() {
					call()
				}
			})
		}
	}
}
