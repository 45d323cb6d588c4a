package cors_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/platform/cors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

func Example() {
	browsers, err := cors.New(cors.Config{Preset: "custom", Origins: []string{"https://*.example.com"}}, logging.Logger{})
	if err != nil {
		fmt.Println(err)
		return
	}
	e := echo.New()
	e.Use(browsers.Middleware)
	e.GET("/", func(c echo.Context) error { return c.String(http.StatusOK, "hello") })
	for _, host := range []string{"app.example.com", "app.example.com:8443"} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = host // a page of the service itself, which is not logged
		r.Header.Set("Origin", "https://"+host)
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		fmt.Printf("%d %q\n", w.Code, w.Header().Get("Access-Control-Allow-Origin"))
	}
	// Output:
	// 200 "https://app.example.com"
	// 200 ""
}
