// Package server is the HTTP server of the service: one Echo with every limit set, health endpoints, an admin listener,
// and a start and a shutdown that are in order.
//
//	health := server.NewHealth(log, server.Check{Name: "database", Func: pool.Ping})
//	e := server.NewEcho(cfg, log)
//	e.GET("/healthz", health.Live)
//	e.GET("/readyz", health.Ready)
//
//	ctx, stop := server.SignalContext(context.Background())
//	defer stop()
//	err := server.New(cfg, e, server.Options{Log: log, Health: health, Version: version}).Run(ctx)
//	// no handler is running any more: stop the workers, close the database
//
// Echo's own Start and Shutdown are not used: they leave every timeout of net/http at infinity and cannot tell a port in
// use from a server that runs. Its Timeout middleware is not used either; it answers from a second goroutine while the
// handler still writes.
//
// The packages request and respond beside this one read requests strictly and write answers.
//
// # Lifting it out
//
// Copy the folder with request and respond, the packages errors and logging, and config with what it lists itself. It
// imports echo/v4, google/uuid and go-json-experiment/json besides.
package server
