package server_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/server"
)

// discard is a response that keeps nothing, so that only the middleware is measured.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

type null struct{}

func (null) Write(b []byte) (int, error) { return len(b), nil }

// BenchmarkStack measures the middleware of NewEcho; subtract the result of bare.
func BenchmarkStack(b *testing.B) {
	core, err := logging.NewCore(logging.Options{App: "bench", Level: "info", Format: "json", Output: null{}})
	if err != nil {
		b.Fatal(err)
	}
	for _, bench := range []struct {
		name string
		echo *echo.Echo
	}{{"bare", echo.New()}, {"whole", server.NewEcho(settings(b), logging.New(core, "bench"))}} {
		bench.echo.GET("/notes/:id", func(c echo.Context) error { return c.String(http.StatusOK, "ok") })
		b.Run(bench.name, func(b *testing.B) {
			r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/notes/7", nil)
			w := discard{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				bench.echo.ServeHTTP(w, r)
			}
		})
	}
}

func BenchmarkErrorHandler(b *testing.B) {
	e := echo.New()
	handle := server.ErrorHandler(nil)
	r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/v1/notes/7", nil)
	r = r.WithContext(errors.WithCorrelationID(r.Context(), "id"))
	err := errors.NotFound("note", 7)
	b.ReportAllocs()
	for b.Loop() {
		handle(err, e.NewContext(r, httptest.NewRecorder()))
	}
}
