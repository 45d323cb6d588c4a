// Package app is the service: it builds every part from the configuration, in order, and takes them down in reverse.
package app

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/identity"
	"github.com/netrun-systems/go-service-template/internal/app/notes"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/server"
	"github.com/netrun-systems/go-service-template/migrations"
)

// The parts log under their own names.
var (
	log       = logging.For()
	serverLog = logging.New(nil, "platform/server")
	dbLog     = logging.New(nil, "platform/db")
	authLog   = logging.New(nil, "platform/auth")
)

// databaseRole is the role that the migrations create. The service acts as it where it logs in as a superuser, in
// development and testing.
const databaseRole = "app_role"

const statsInterval = time.Minute

// App is the service. Its life is New, Listen, Connect, Run, Close.
type App struct {
	config   *Config
	echo     *echo.Echo
	server   *server.Server
	metrics  *prometheus.Registry
	pool     *db.Pool                  // nil before Connect
	keys     *auth.Keyring             // nil before Connect
	stopping atomic.Pointer[time.Time] // when the shutdown began; nil for an App that has not run
}

// New returns a service that has not touched anything yet. version is the build's.
func New(cfg *Config, version string) (*App, error) {
	schema, err := db.Latest(migrations.Files)
	if err != nil {
		return nil, err
	}
	a := &App{config: cfg, echo: server.NewEcho(cfg.HTTP, serverLog, db.MapError), metrics: prometheus.NewRegistry()}
	health := server.NewHealth(serverLog,
		server.Check{Name: "database", Func: func(ctx context.Context) error { return a.pool.Ping(ctx) }},
		server.Check{Name: "schema", Func: func(ctx context.Context) error { return a.pool.CheckSchema(ctx, schema) }},
	)
	add(a.echo, http.MethodGet, "/healthz", health.Live)
	add(a.echo, http.MethodGet, "/readyz", health.Ready)
	a.server = server.New(cfg.HTTP, a.echo, server.Options{
		Log: serverLog, Version: version, Health: health, Metrics: promhttp.HandlerFor(a.metrics, promhttp.HandlerOpts{}),
	})
	return a, nil
}

// Listen binds the addresses, so that one in use is found before anything is started or changed. Requests wait for Run.
func (a *App) Listen(ctx context.Context) error { return a.server.Listen(ctx) }

// Connect opens the database, migrates it where the configuration says so, and adds what is built on it.
func (a *App) Connect(ctx context.Context) error {
	pool, err := openDatabase(ctx, a.config)
	if err != nil {
		return err
	}
	a.pool = pool
	a.metrics.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewDBStatsCollector(pool.SQL(), "main"),
	)
	return a.build() //nolint:contextcheck // a request has a ctx of its own
}

// openDatabase migrates and opens. In development the migrations make the role that the pool then acts as; elsewhere a role
// that row security does not bind is refused before it changes anything.
func openDatabase(ctx context.Context, cfg *Config) (*db.Pool, error) {
	options := db.Options{Log: dbLog}
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
	m, err := db.NewMigrator(ctx, cfg.Database, migrations.Files, dbLog)
	if err != nil {
		return err
	}
	return errors.Join(m.Up(ctx), m.Close())
}

// build wires the features: keys, services, handlers, routes.
func (a *App) build() error {
	cfg := a.config.Auth
	keys, err := cfg.KeySet()
	if err != nil {
		return fmt.Errorf("read the signing keys: %w", err)
	}
	a.keys = auth.NewKeyring(keys)
	issuer, err := auth.NewIssuer(a.keys, auth.IssuerOptions{
		Issuer: cfg.Issuer, Audience: cfg.Audience, Policy: access.Policy, TTL: cfg.AccessTokenTTL,
	})
	if err != nil {
		return fmt.Errorf("make the token issuer: %w", err)
	}
	verifier, err := auth.NewVerifier(a.keys, auth.VerifierOptions{
		Issuer: cfg.Issuer, Audience: cfg.Audience, Policy: access.Policy, Leeway: cfg.Leeway,
	})
	if err != nil {
		return fmt.Errorf("make the token verifier: %w", err)
	}
	passwords, err := auth.NewPasswords(cfg.PasswordOptions())
	if err != nil {
		return fmt.Errorf("make the password hasher: %w", err)
	}
	register(a.echo, routes(handlers{
		keys:     auth.JWKS(a.keys),
		identity: identity.NewHandler(identity.NewService(a.pool, passwords, issuer)),
		notes:    notes.NewHandler(notes.NewService(a.pool)),
	}), verifier)
	return nil
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

// Close gives back what Listen and Connect have taken. It is the end of a service that has run, and may be called of any.
func (a *App) Close() error {
	err := a.server.Close()
	if a.pool != nil {
		err = errors.Join(err, a.pool.Close())
	}
	if began := a.stopping.Load(); began != nil {
		log.Info(context.Background(), "service_stopped", logging.Duration("duration_ms", time.Since(*began)))
	}
	return err
}
