package ratelimit

import (
	"cmp"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
)

// Config holds the limit of a client. Read it with [config.Load].
type Config struct {
	Rate       int           `env:"RATELIMIT_RATE" env-default:"100" env-live:"true" env-rule:"range=1..1000000" env-description:"requests of a client in each RATELIMIT_PERIOD; a client is a user, an API key or, for requests without either, an address"`
	Period     time.Duration `env:"RATELIMIT_PERIOD" env-default:"60s" env-live:"true" env-rule:"range=1s..24h" env-description:"period of RATELIMIT_RATE"`
	Burst      int           `env:"RATELIMIT_BURST" env-live:"true" env-rule:"range=0..100000" env-description:"requests of a client at once; RATELIMIT_RATE when empty"`
	RedisURL   config.Secret `env:"RATELIMIT_REDIS_URL" env-description:"redis:// or rediss:// URL of a Redis through which all replicas share the limits; when empty, each replica counts alone"`
	FailClosed bool          `env:"RATELIMIT_FAIL_CLOSED" env-default:"false" env-description:"while Redis fails, refuse requests with a 503 instead of counting in each replica"`
}

// Validate defaults Burst to Rate, and reports a URL of Redis that cannot be parsed.
func (c *Config) Validate(report func(variable, rule, message string)) {
	c.Burst = cmp.Or(c.Burst, c.Rate)
	if _, err := redis.ParseURL(c.RedisURL.Reveal()); err != nil && !c.RedisURL.IsZero() {
		report("RATELIMIT_REDIS_URL", "url", "must be a URL such as redis://:password@host:6379/0, rediss://… with TLS, "+
			"or unix://… (percent-encode special characters of the password)")
	}
}
