// Package app is the service: it builds every part from the configuration, in order, and takes them down in reverse.
package app

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/netrun-systems/go-service-template/internal/app/identity"
	"github.com/netrun-systems/go-service-template/internal/app/notes"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/server"
	"github.com/netrun-systems/go-service-template/migrations"
)

var log = logging.For()

// databaseRole is the role that the migrations create. The service acts as it where it logs in as a superuser, in
// development and testing.
const databaseRole = "app_role"

const statsInterval = time.Minute

// App is a service that is ready to run.
type App struct {
	server   *server.Server
	pool     *db.Pool
	stopping atomic.Pointer[time.Time] // when the shutdown began; nil for an App that has not run
}

// New connects to the database, migrates it where the configuration says so, and builds the service. version is the
// build's. Close the App, whether it ran or not.
func New(ctx context.Context, cfg *Config, version string) (*App, error) {
	pool, err := openDatabase(ctx, cfg)
	if err != nil {
		return nil, err
	}
	srv, err := build(cfg, pool, version) //nolint:contextcheck // a request has a ctx of its own
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return &App{server: srv, pool: pool}, nil
}

// openDatabase migrates and opens. In development the migrations make the role that the pool then acts as; elsewhere a role
// that row security does not bind is refused before it changes anything.
func openDatabase(ctx context.Context, cfg *Config) (*db.Pool, error) {
	options := db.Options{Log: log}
	if cfg.trusting() {
		options.Role = databaseRole
		if err := migrate(ctx, cfg); err != nil {
			return nil, err
		}
		return db.Open(ctx, cfg.Database, options)
	}
	pool, err := db.Open(ctx, cfg.Database, options)
	if err != nil {
		return nil, err
	}
	if err := migrate(ctx, cfg); err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return pool, nil
}

// migrate applies the migrations where the configuration says so.
func migrate(ctx context.Context, cfg *Config) error {
	if !cfg.Database.Migrates() {
		return nil
	}
	m, err := db.NewMigrator(ctx, cfg.Database, migrations.Files, log)
	if err != nil {
		return err
	}
	return errors.Join(m.Up(ctx), m.Close())
}

// build wires the parts: keys, services, handlers, routes, checks.
func build(cfg *Config, pool *db.Pool, version string) (*server.Server, error) {
	keys, err := cfg.Auth.KeySet()
	if err != nil {
		return nil, fmt.Errorf("read the signing keys: %w", err)
	}
	issuer, err := auth.NewIssuer(keys, auth.IssuerOptions{
		Issuer: cfg.Auth.Issuer, Audience: cfg.Auth.Audience, TTL: cfg.Auth.AccessTokenTTL,
	})
	if err != nil {
		return nil, fmt.Errorf("make the token issuer: %w", err)
	}
	verifier, err := auth.NewVerifier(keys, auth.VerifierOptions{
		Issuer: cfg.Auth.Issuer, Audience: cfg.Auth.Audience, Leeway: cfg.Auth.Leeway,
	})
	if err != nil {
		return nil, fmt.Errorf("make the token verifier: %w", err)
	}
	passwords, err := auth.NewPasswords(auth.PasswordOptions{})
	if err != nil {
		return nil, fmt.Errorf("make the password hasher: %w", err)
	}
	schema, err := db.Latest(migrations.Files)
	if err != nil {
		return nil, err
	}

	e := server.NewEcho(cfg.HTTP, log)
	register(e, routes(handlers{
		identity: identity.NewHandler(identity.NewService(pool, passwords, issuer)),
		notes:    notes.NewHandler(notes.NewService(pool)),
	}), verifier)

	health := server.NewHealth(log,
		server.Check{Name: "database", Func: pool.Ping},
		server.Check{Name: "schema", Func: func(ctx context.Context) error { return pool.CheckSchema(ctx, schema) }},
	)
	add(e, http.MethodGet, "/healthz", health.Live)
	add(e, http.MethodGet, "/readyz", health.Ready)
	return server.New(cfg.HTTP, e, server.Options{Log: log, Version: version, Health: health, Metrics: metrics(pool)}), nil
}

func metrics(pool *db.Pool) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewDBStatsCollector(pool.SQL(), "main"),
	)
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry})
}

// Run serves until ctx ends, and then stops in this order: readiness goes off, requests are drained, workers end. The
// database stays open until [App.Close], since requests need it to the last.
func (a *App) Run(ctx context.Context) error {
	workers, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer context.AfterFunc(ctx, a.markStopping)()
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.pool.LogStats(workers, statsInterval)
	}()
	err := a.server.Run(ctx)
	a.markStopping() // the server may have ended by itself
	stop()
	<-done
	return err
}

func (a *App) markStopping() {
	now := time.Now()
	a.stopping.CompareAndSwap(nil, &now)
}

// Close closes the database, which is the end of a service that has run.
func (a *App) Close() error {
	err := a.pool.Close()
	if began := a.stopping.Load(); began != nil {
		log.Info(context.Background(), "service_stopped", logging.Duration("duration_ms", time.Since(*began)))
	}
	return err
}
