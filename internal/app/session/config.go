package session

import (
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
)

// Config is how long sessions live.
type Config struct {
	RefreshTokenTTL time.Duration `env:"AUTH_REFRESH_TOKEN_TTL" env-default:"720h" env-rule:"range=24h..2160h" env-description:"life of a refresh token, and of a session that is not used"`
	TTL             time.Duration `env:"AUTH_SESSION_TTL" env-default:"2160h" env-rule:"range=24h..8760h" env-description:"life of a session, however much it is used"`
	RefreshGrace    time.Duration `env:"AUTH_REFRESH_GRACE" env-default:"10s" env-rule:"range=0s..60s" env-description:"how long a spent refresh token gets the same successor again"`
}

// Validate checks what the tags cannot say.
func (c *Config) Validate(p *config.Problems) {
	if c.TTL < c.RefreshTokenTTL {
		p.Add("AUTH_SESSION_TTL", "min", "must be at least AUTH_REFRESH_TOKEN_TTL")
	}
}
