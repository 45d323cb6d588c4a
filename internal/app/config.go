package app

import (
	"github.com/netrun-systems/go-service-template/internal/app/identity"
	"github.com/netrun-systems/go-service-template/internal/app/session"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/config/keyvault"
	"github.com/netrun-systems/go-service-template/internal/platform/cors" // part:cors
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/ratelimit" // part:ratelimit
	"github.com/netrun-systems/go-service-template/internal/platform/server"
)

// Config is the configuration of the service.
type Config struct {
	HTTP server.Config
	CORS cors.Config // part:cors
	DatabaseConfig
	Auth    auth.Config
	Session session.Config
	Login   identity.Limits
	Limits  ratelimit.Config // part:ratelimit
	LLM     LLMConfig        // part:llm
}

// DatabaseConfig is the part of [Config] for commands that use only the database.
type DatabaseConfig struct {
	config.Base
	Database db.Config
	KeyVault keyvault.Config
}

// AccountConfig is the part of [Config] for commands that manage accounts.
type AccountConfig struct {
	DatabaseConfig
	Passwords auth.PasswordConfig
}

// Validate reports a missing DATABASE_URL outside of development.
func (c *DatabaseConfig) Validate(report func(variable, rule, message string)) {
	if c.Database.URL.IsZero() && c.Environment != config.Development {
		report("DATABASE_URL", "required", "is required outside of development")
	}
}

// Validate reports a missing signing key, and defaults the token issuer to the name of the service.
func (c *Config) Validate(report func(variable, rule, message string)) {
	if c.Auth.Issuer == "" {
		c.Auth.Issuer = c.AppName
	}
	if c.Auth.PrivateKey.IsZero() && !c.trusting() {
		report("AUTH_JWT_PRIVATE_KEY", "required", "is required outside of development and testing")
	}
}

// trusting reports whether the environment has no real users. A signing key may then be generated,
// and the database role may bypass row security; the pool switches to a role that does not.
func (c *DatabaseConfig) trusting() bool {
	return c.Environment == config.Development || c.Environment == config.Testing
}
