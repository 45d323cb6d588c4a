package db

import (
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
)

// Config is how to reach the database and how much of it to use.
type Config struct {
	config.Base

	URL            config.Secret `env:"DATABASE_URL" env-description:"postgres:// URL or key=value DSN; development starts its own database when empty"`
	PoolSize       int           `env:"DB_POOL_SIZE" env-default:"20" env-rule:"range=1..100" env-live:"true" env-description:"connections kept open when idle"`
	MaxOverflow    int           `env:"DB_MAX_OVERFLOW" env-default:"10" env-rule:"range=0..100" env-live:"true" env-description:"connections opened beyond the pool size under load"`
	PoolTimeout    time.Duration `env:"DB_POOL_TIMEOUT" env-default:"30s" env-rule:"range=1s..300s" env-description:"longest wait for a connection; then the answer is 503"`
	PoolRecycle    time.Duration `env:"DB_POOL_RECYCLE" env-default:"1h" env-rule:"range=5m..24h" env-description:"longest life of a connection"`
	CommandTimeout time.Duration `env:"DB_COMMAND_TIMEOUT" env-default:"60s" env-rule:"range=1s..600s" env-description:"longest run of one statement, and longest idle time in a transaction"`
	AutoMigrate    *bool         `env:"DB_AUTO_MIGRATE" env-description:"apply migrations at start; default true in development and testing, else false"`
	SlowQuery      time.Duration `env:"DB_SLOW_QUERY" env-default:"200ms" env-rule:"range=0s..600s" env-live:"true" env-description:"statements slower than this are logged; 0 logs none"`
}

// Validate checks the DSN. That one is there at all is for the program to say: development has a database of its own.
func (c *Config) Validate(p *config.Problems) {
	if c.URL.IsZero() {
		return
	}
	if _, err := parseDSN(c.URL.Reveal()); err != nil {
		p.Add("DATABASE_URL", "dsn", "must be a postgres:// URL or a key=value DSN, with parameters that exist and special characters in the password percent-encoded")
	}
}

// Migrates reports whether migrations are to be applied at start.
func (c *Config) Migrates() bool {
	if c.AutoMigrate != nil {
		return *c.AutoMigrate
	}
	return c.Environment == config.Development || c.Environment == config.Testing
}

// MaxOpen is the most connections the pool opens: its size and its overflow.
func (c *Config) MaxOpen() int { return c.PoolSize + c.MaxOverflow }
