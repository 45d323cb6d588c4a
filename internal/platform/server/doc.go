// Package server is the HTTP server of the service: middleware, error responses, health endpoints,
// an admin listener, and an orderly start and shutdown.
//
//	health := server.NewHealth(log, server.Check{Name: "database", Func: pool.Ping})
//	e := server.NewEcho(cfg, log)
//	e.GET("/healthz", health.Live)
//	e.GET("/readyz", health.Ready)
//
//	ctx, stop := server.SignalContext(context.Background())
//	defer stop()
//	s := server.New(cfg, e, server.Options{Log: log, Health: health, Version: version})
//	if err := s.Listen(ctx); err != nil {
//		return err
//	}
//	err := s.Run(ctx)
//	// no handler is running: stop the workers, close the database
//
// Echo's Start and Shutdown are not used: they set no timeout of net/http, and Start does not
// return when the port is bound. Echo's Timeout middleware is not used: it responds from a second
// goroutine while the handler still writes.
//
// Responses are not compressed. A response of an API holds secrets of its caller beside text that
// others chose, and the length of a compressed one tells about both (BREACH).
//
// The packages request and respond read requests strictly and write responses.
//
// The way of an error is in the doc of package errors, that of a token in the doc of package auth.
//
// # Lifting it out
//
// Copy this folder and internal/platform/errors, internal/platform/logging,
// internal/platform/config, internal/platform/env/dotenv, internal/platform/env/spelling and
// internal/platform/env/strength. It imports echo/v4, google/uuid, go-json-experiment/json and
// go.opentelemetry.io/otel; its tests import testify, goleak and santhosh-tekuri/jsonschema.
package server
