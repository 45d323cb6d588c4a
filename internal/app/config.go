package app

import (
	"github.com/netrun-systems/go-service-template/internal/app/identity"
	"github.com/netrun-systems/go-service-template/internal/app/session"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/config/keyvault"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/server"
)

// Config is everything that can be set from outside.
type Config struct {
	config.Base
	HTTP     server.Config
	Database db.Config
	KeyVault keyvault.Config
	Auth     auth.Config
	Session  session.Config
	Login    identity.Limits
}

// Validate checks what no part can check alone.
func (c *Config) Validate(p *config.Problems) {
	c.Auth.Check(p.Add)
	if c.Database.URL.IsZero() && c.Environment != config.Development {
		p.Add("DATABASE_URL", "required", "is required outside of development")
	}
	if c.Auth.PrivateKey.IsZero() && !c.trusting() {
		p.Add("AUTH_JWT_PRIVATE_KEY", "required", "is required outside of development and testing")
	}
}

// trusting reports whether this is a place without real users, where a signing key may be made up and the database role may
// be one that row security does not bind, which is then exchanged for one that it does.
func (c *Config) trusting() bool {
	return c.Environment == config.Development || c.Environment == config.Testing
}
