// Package app assembles the service: it builds all parts from the configuration and stops them in
// reverse order.
//
// A request passes these functions, here for GET /v1/api-keys/{id}:
//
//	server.NewEcho           correlation id, access log, panics, limits of bodies; renders errors
//	cors.CORS.Middleware     in NewEcho before the limits: headers for browsers, preflights // part:cors
//	ratelimit.Limits         refuses clients over their limit // part:ratelimit
//	auth.Authenticate        the principal, the tenant and log fields in ctx
//	auth.Require             the permission of the route; see routes
//	apikeys.Handler.Get      decodes and encodes
//	apikeys.Service.Get      limits what the principal may see
//	apikeys.store.get        one SQL statement, a transaction of the tenant
package app

import (
	"context"
	"fmt"
	"net"
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
	"github.com/netrun-systems/go-service-template/internal/app/notes" // part:notes
	"github.com/netrun-systems/go-service-template/internal/app/retention"
	"github.com/netrun-systems/go-service-template/internal/app/session"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/cors" // part:cors
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/ratelimit" // part:ratelimit
	"github.com/netrun-systems/go-service-template/internal/platform/server"
	"github.com/netrun-systems/go-service-template/migrations"
)

var log = logging.For()

const statsInterval = time.Minute

// App is the service. Call New, Listen, Connect, Run and Close in this order.
type App struct {
	config   *Config
	echo     *echo.Echo                // all routes
	serving  atomic.Pointer[echo.Echo] // echo after Connect, before it only health checks
	server   *server.Server
	metrics  *prometheus.Registry
	pool     *db.Pool          // nil before Connect
	keys     *auth.Keyring     // nil before Connect
	sessions *session.Service  // nil before Connect
	requests *ratelimit.Limits // part:ratelimit
	models   *models           // part:llm
	limits   atomic.Pointer[identity.Limits]
	cors     *cors.CORS                // part:cors
	stopping atomic.Pointer[time.Time] // when the shutdown began, or nil
}

// New returns a service without any resources. The version is that of the build.
func New(cfg *Config, version string) (*App, error) {
	a := &App{config: cfg, metrics: prometheus.NewRegistry()}
	var early []echo.MiddlewareFunc
	// part:cors begin
	browsers, err := cors.New(cfg.CORS, logging.Logger{})
	if err != nil {
		return nil, err
	}
	a.cors = browsers
	early = append(early, a.cors.Middleware)
	// part:cors end
	a.echo = server.NewEcho(cfg.HTTP, logging.Logger{}, early...)
	health := server.NewHealth(logging.Logger{},
		server.Check{
			Name: "database", Func: func(ctx context.Context) error { return a.pool.Ping(ctx) },
			Utilization: func() float64 { return a.pool.Utilization() },
		},
		server.Check{
			Name: "schema", Func: func(ctx context.Context) error { return a.pool.CheckSchema(ctx, migrations.Latest()) },
		},
	)
	starting, err := startingEcho(cfg.HTTP)
	err = errors.Join(err, guard{}.register(a.echo, healthRoutes(health.Live, health.Ready)))
	if err != nil {
		return nil, err
	}
	a.serving.Store(starting)
	handler := func(w http.ResponseWriter, r *http.Request) { a.serving.Load().ServeHTTP(w, r) }
	a.server = server.New(cfg.HTTP, http.HandlerFunc(handler), server.Options{
		Version: version, Health: health, Metrics: promhttp.HandlerFor(a.metrics, promhttp.HandlerOpts{}),
	})
	return a, nil
}

// startingEcho returns the handler during the start: alive, but not ready. The start may wait for the
// database longer than an orchestrator waits for its liveness probe.
func startingEcho(cfg server.Config) (*echo.Echo, error) {
	starting := func(context.Context) error { return errors.Sentinel("the service is starting") }
	health := server.NewHealth(logging.Logger{}, server.Check{Name: "start", Func: starting})
	e := server.NewEcho(cfg, logging.Logger{})
	e.Any("/*", func(echo.Context) error {
		return errors.Overloaded(errors.Sentinel("the service is starting"), time.Second)
	})
	return e, guard{}.register(e, healthRoutes(health.Live, health.Ready))
}

// Listen binds the addresses, so that an address in use is found before anything is started or
// changed, and serves health checks.
func (a *App) Listen(ctx context.Context) error { return a.server.Listen(ctx) }

// Addr returns the address of the API, or nil before Listen.
func (a *App) Addr() net.Addr { return a.server.Addr() }

// Connect opens the database, migrates it if configured, and builds the features.
func (a *App) Connect(ctx context.Context) error {
	pool, err := openDatabase(ctx, &a.config.DatabaseConfig)
	if err != nil {
		return err
	}
	a.pool = pool
	a.metrics.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewDBStatsCollector(pool.SQL(), "main"),
	)
	if err := a.build(); err != nil { //nolint:contextcheck // each request has its own ctx
		return err
	}
	a.serving.Store(a.echo)
	return nil
}

// build creates the keys, services, handlers and routes.
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
	revocations := auth.NewRevocations(session.Lookup(a.pool))
	verifier, err := auth.NewVerifier(a.keys, auth.VerifierOptions{
		Issuer: cfg.Issuer, Audience: cfg.Audience, Policy: access.Policy, Leeway: cfg.Leeway, Revoked: revocations.Check,
	})
	if err != nil {
		return fmt.Errorf("make the token verifier: %w", err)
	}
	passwords, err := auth.NewPasswords(cfg.PasswordConfig)
	if err != nil {
		return fmt.Errorf("make the password hasher: %w", err)
	}
	one := cfg.PasswordConfig
	one.HashConcurrency = 1 // anybody can register: most cores stay for logins
	first, err := auth.NewPasswords(one)
	if err != nil {
		return fmt.Errorf("make the password hasher of registrations: %w", err)
	}

	trail := audit.NewTrail(a.pool)
	a.sessions = session.NewService(a.pool, issuer, trail, revocations, a.config.Session, cfg.Leeway)
	apiKeys := apikeys.NewService(a.pool, trail)
	a.limits.Store(&a.config.Login)
	limits := func() identity.Limits { return *a.limits.Load() }

	authenticate := auth.Authenticate(auth.Authentication{
		Verifier: verifier, APIKey: apiKeys.Authenticate, Scope: tenantScope, OnRejected: trail.Rejected,
	})
	// part:ratelimit begin
	if a.requests, err = ratelimit.New(a.config.Limits, log); err != nil {
		return err
	}
	authenticate = a.requests.Failures(authenticate)
	// part:ratelimit end
	// part:llm begin
	if a.models, err = newModels(&a.config.LLM, a.pool); err != nil {
		return err
	}
	// part:llm end

	return guard{
		authenticate: authenticate,
		denied:       trail.Denied,
		requests:     a.requests, // part:ratelimit
	}.register(a.echo, routes(handlers{ // without names, so that a missing handler is a compile error
		auth.JWKS(a.keys),
		identity.NewHandler(identity.NewService(a.pool, passwords, first, a.sessions, trail, limits)),
		session.NewHandler(a.sessions),
		apikeys.NewHandler(apiKeys),
		members.NewHandler(members.NewService(a.pool, passwords, a.sessions, trail)),
		notes.NewHandler(notes.NewService(a.pool, trail)),           // part:notes
		notes.NewSummaryHandler(a.pool, a.models, a.models.windows), // part:notes part:llm
		audit.NewHandler(trail),
	}))
}

// Run serves until ctx ends. Then it reports unready, drains requests and stops the background
// work. The database stays open until [App.Close].
func (a *App) Run(ctx context.Context) error {
	defer context.AfterFunc(ctx, a.MarkStopping)()
	stop := a.startWorkers(context.WithoutCancel(ctx))
	err := a.server.Run(ctx)
	a.MarkStopping() // the server may have stopped by itself
	stop()
	return err
}

// startWorkers starts the background work. stop ends it and waits for it.
func (a *App) startWorkers(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	all.Go(func() { a.pool.LogStats(ctx, statsInterval) })
	all.Go(func() { retention.Run(ctx, a.pool) })
	all.Go(func() {
		// An error is not fatal: each token is then looked up in the database.
		err := a.sessions.Watch(ctx, func(ctx context.Context, o db.ListenOptions) error {
			return a.pool.Listen(ctx, a.config.Database, o)
		})
		if err != nil {
			log.Error(ctx, "revocations_not_watched", logging.Err(err))
		}
	})
	return func() {
		cancel()
		all.Wait()
	}
}

// MarkStopping records that the shutdown begins now, unless it has begun. Run does it too.
func (a *App) MarkStopping() {
	now := time.Now()
	a.stopping.CompareAndSwap(nil, &now)
}

// Close releases what Listen and Connect acquired. It may be called at any time.
func (a *App) Close() error {
	err := a.server.Close()
	err = errors.Join(err, a.requests.Close()) // part:ratelimit
	if a.pool != nil {
		err = errors.Join(err, a.pool.Close())
	}
	if began := a.stopping.Load(); began != nil {
		log.Info(context.Background(), "service_stopped", logging.Duration("duration_ms", time.Since(*began)))
	}
	return err
}

// Reconfigure applies changes of live variables, those with env-live. It keeps cfg and must not be
// called before Connect or concurrently.
func (a *App) Reconfigure(ctx context.Context, cfg *Config, change config.Change) error {
	var errs []error
	if change.Has("LOG_LEVEL") {
		errs = append(errs, logging.SetLevel(cfg.LogLevel))
	}
	if change.Has("AUTH_JWT_PRIVATE_KEY", "AUTH_JWT_PUBLIC_KEYS") {
		errs = append(errs, a.changeKeys(cfg))
	}
	if change.Has("DB_POOL_SIZE", "DB_MAX_OVERFLOW", "DB_SLOW_QUERY") {
		a.pool.Reconfigure(ctx, cfg.Database)
	}
	a.limits.Store(&cfg.Login)
	a.requests.Reconfigure(cfg.Limits)                // part:ratelimit
	errs = append(errs, a.cors.Reconfigure(cfg.CORS)) // part:cors
	return errors.Join(errs...)
}

// changeKeys replaces the keys that sign and verify. Without a configured private key it keeps the
// generated one.
func (a *App) changeKeys(cfg *Config) error {
	updated := cfg.Auth
	if updated.PrivateKey.IsZero() {
		updated.PrivateKey = a.config.Auth.PrivateKey
	}
	keys, err := updated.KeySet()
	if err != nil {
		return fmt.Errorf("change the signing keys: %w", err)
	}
	a.keys.Swap(keys)
	return nil
}
