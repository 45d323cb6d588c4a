// Package app is the service: it builds every part from the configuration, in order, and takes them down in reverse.
package app

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/apikeys"
	"github.com/netrun-systems/go-service-template/internal/app/audit"
	"github.com/netrun-systems/go-service-template/internal/app/identity"
	"github.com/netrun-systems/go-service-template/internal/app/members"
	"github.com/netrun-systems/go-service-template/internal/app/notes"
	"github.com/netrun-systems/go-service-template/internal/app/session"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/server"
	"github.com/netrun-systems/go-service-template/migrations"
)

var log = logging.For()

const (
	statsInterval = time.Minute
	trailTimeout  = 5 * time.Second // for the sinks of the audit trail to take what is left
)

// App is the service. Its life is New, Listen, Connect, Run, Close.
type App struct {
	config   *Config
	echo     *echo.Echo
	server   *server.Server
	metrics  *prometheus.Registry
	pool     *db.Pool         // nil before Connect
	keys     *auth.Keyring    // nil before Connect
	trail    *audit.Recorder  // nil before Connect
	sessions *session.Service // nil before Connect
	apiKeys  *apikeys.Service // nil before Connect
	limits   atomic.Pointer[identity.Limits]
	stopping atomic.Pointer[time.Time] // when the shutdown began; nil for an App that has not run
}

// New returns a service that has not touched anything yet. version is the build's.
func New(cfg *Config, version string) (*App, error) {
	schema, err := db.Latest(migrations.Files)
	if err != nil {
		return nil, err
	}
	a := &App{config: cfg, echo: server.NewEcho(cfg.HTTP, logging.Logger{}, db.MapError), metrics: prometheus.NewRegistry()}
	health := server.NewHealth(logging.Logger{},
		server.Check{Name: "database", Func: func(ctx context.Context) error { return a.pool.Ping(ctx) }},
		server.Check{Name: "schema", Func: func(ctx context.Context) error { return a.pool.CheckSchema(ctx, schema) }},
	)
	add(a.echo, http.MethodGet, "/healthz", health.Live)
	add(a.echo, http.MethodGet, "/readyz", health.Ready)
	a.server = server.New(cfg.HTTP, a.echo, server.Options{
		Version: version, Health: health, Metrics: promhttp.HandlerFor(a.metrics, promhttp.HandlerOpts{}),
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
	revocations := auth.NewRevocations(auth.RevocationsOptions{Lookup: session.Lookup(a.pool)})
	verifier, err := auth.NewVerifier(a.keys, auth.VerifierOptions{
		Issuer: cfg.Issuer, Audience: cfg.Audience, Policy: access.Policy, Leeway: cfg.Leeway, Revoked: revocations.Check,
	})
	if err != nil {
		return fmt.Errorf("make the token verifier: %w", err)
	}
	passwords, err := auth.NewPasswords(cfg.PasswordOptions())
	if err != nil {
		return fmt.Errorf("make the password hasher: %w", err)
	}

	a.trail = audit.NewRecorder(a.pool) // name an [audit.Sink] here to send the trail elsewhere, too
	a.sessions = session.NewService(session.Options{
		Pool: a.pool, Issuer: issuer, Audit: a.trail, Revocations: revocations, Config: a.config.Session, Leeway: cfg.Leeway,
	})
	a.apiKeys = apikeys.NewService(a.pool, a.trail)
	a.limits.Store(&a.config.Login)
	people := identity.NewService(identity.Options{
		Pool: a.pool, Passwords: passwords, Sessions: a.sessions, Audit: a.trail, Limits: func() identity.Limits { return *a.limits.Load() },
	})
	team := members.NewService(members.Options{Pool: a.pool, Passwords: passwords, Sessions: a.sessions, Audit: a.trail})

	a.echo.Use(audit.Middleware)
	guard{
		authenticate: auth.Authenticate(auth.Authentication{
			Verifier: verifier, APIKey: a.apiKeys.Authenticate, OnRejected: a.trail.Rejected,
		}),
		denied: a.trail.Denied,
	}.register(a.echo, routes(handlers{
		keys:     auth.JWKS(a.keys),
		identity: identity.NewHandler(people),
		sessions: session.NewHandler(a.sessions),
		apiKeys:  apikeys.NewHandler(a.apiKeys),
		members:  members.NewHandler(team),
		notes:    notes.NewHandler(notes.NewService(a.pool)),
		audit:    audit.NewHandler(audit.NewService(a.pool)),
	}))
	return nil
}

// Run serves until ctx ends, and then stops in this order: readiness goes off, requests are drained, workers end, and the audit
// trail is handed on. The database stays open until [App.Close], since requests need it to the last.
func (a *App) Run(ctx context.Context) error {
	defer context.AfterFunc(ctx, a.markStopping)()
	stop := a.work(context.WithoutCancel(ctx))
	err := a.server.Run(ctx)
	a.markStopping() // the server may have ended by itself
	stop()
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), trailTimeout)
	defer cancel()
	return errors.Join(err, a.trail.Close(closing))
}

// work starts what runs beside the requests. stop ends it, and returns when it has ended.
func (a *App) work(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	all.Go(func() { a.pool.LogStats(ctx, statsInterval) })
	all.Go(func() { a.apiKeys.Run(ctx) })
	all.Go(func() {
		// Without it each token is looked up in the database, so that the service goes on.
		if err := a.sessions.Watch(ctx, a.config.Database, actAs(a.config)); err != nil {
			log.Error(ctx, "revocations_not_watched", logging.Err(err))
		}
	})
	return func() {
		cancel()
		all.Wait()
	}
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
