package db

import (
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
)

// Config holds the address of the database and the limits of the pool.
type Config struct {
	config.Base

	URL            config.Secret `env:"DATABASE_URL" env-description:"postgres:// URL or key=value DSN; when empty, development starts an embedded database"`
	ListenURL      config.Secret `env:"DATABASE_LISTEN_URL" env-description:"DSN for LISTEN that bypasses a pooler in transaction mode; when empty, DATABASE_URL"`
	PoolSize       int           `env:"DB_POOL_SIZE" env-default:"20" env-rule:"range=1..100" env-live:"true" env-description:"maximum number of idle connections kept open"`
	MaxOverflow    int           `env:"DB_MAX_OVERFLOW" env-default:"10" env-rule:"range=0..100" env-live:"true" env-description:"maximum number of connections beyond DB_POOL_SIZE under load"`
	PoolTimeout    time.Duration `env:"DB_POOL_TIMEOUT" env-default:"30s" env-rule:"range=1s..300s" env-description:"maximum wait for a connection, after which the response is 503"`
	PoolRecycle    time.Duration `env:"DB_POOL_RECYCLE" env-default:"1h" env-rule:"range=5m..24h" env-description:"maximum age of a connection"`
	CommandTimeout time.Duration `env:"DB_COMMAND_TIMEOUT" env-default:"60s" env-rule:"range=1s..600s" env-description:"maximum duration of a statement, and maximum idle time in a transaction"`
	AutoMigrate    *bool         `env:"DB_AUTO_MIGRATE" env-description:"apply migrations at start; when empty, in development and testing only"`
	SlowQuery      time.Duration `env:"DB_SLOW_QUERY" env-default:"200ms" env-rule:"range=0s..600s" env-live:"true" env-description:"duration beyond which a statement is logged as slow; 0 disables it"`
}

// Validate reports DSNs that cannot be parsed. An empty one is valid here; the program decides
// whether it needs one.
func (c *Config) Validate(report func(variable, rule, message string)) {
	for variable, dsn := range map[string]config.Secret{"DATABASE_URL": c.URL, "DATABASE_LISTEN_URL": c.ListenURL} {
		if dsn.IsZero() {
			continue
		}
		if _, err := parseDSN(dsn.Reveal()); err == nil {
			continue
		}
		report(variable, "dsn", "must be a postgres:// URL or a key=value DSN, without quotes around it "+
			"(in a URL, percent-encode special characters of the password)")
	}
}

// Migrates reports whether migrations are applied at start.
func (c *Config) Migrates() bool {
	if c.AutoMigrate != nil {
		return *c.AutoMigrate
	}
	return c.Environment == config.Development || c.Environment == config.Testing
}

// MaxOpen returns the maximum number of open connections.
func (c *Config) MaxOpen() int { return c.PoolSize + c.MaxOverflow }
