package server_test

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/server"
)

func Example() {
	cfg, _, err := config.Load[server.Config](context.Background(), config.Options{Lookup: func(name string) (string, bool) {
		value, ok := map[string]string{"HTTP_ADDR": "127.0.0.1:0", "ADMIN_ADDR": ""}[name] // a program uses the defaults
		return value, ok
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	core, err := logging.NewCore(logging.Options{App: "example", Output: io.Discard})
	if err != nil {
		fmt.Println(err)
		return
	}
	log := logging.New(core, "example")

	health := server.NewHealth(log, server.Check{Name: "database", Func: func(context.Context) error { return nil }})
	e := server.NewEcho(*cfg, log)
	e.GET("/healthz", health.Live)
	e.GET("/readyz", health.Ready)
	e.GET("/hello", func(c echo.Context) error { return c.String(http.StatusOK, "hello") })

	ctx, cancel := context.WithCancel(context.Background()) // a program uses server.SignalContext
	s := server.New(*cfg, e, server.Options{Log: log, Health: health, Version: "v1.0.0"})
	if err = s.Listen(ctx); err != nil { // binds here, so that a port in use is an error and not a log line
		fmt.Println(err)
		cancel()
		return
	}
	stopped := make(chan error)
	go func() { stopped <- s.Run(ctx) }()

	fetch("http://" + s.Addr().String() + "/hello")
	cancel()
	fmt.Println("stopped:", <-stopped)
	// Output:
	// hello
	// stopped: <nil>
}

func fetch(url string) {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	response, err := client.Do(request)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(text))
}
