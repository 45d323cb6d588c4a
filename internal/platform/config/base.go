package config

import (
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// Secret is a value that prints as [REDACTED] wherever it goes; Reveal gives it away. A field of this type may also be
// read from a file (NAME_FILE) or from the secret store.
type Secret = logging.Secret

// Base holds the settings every package of the service may need. Each package's Config embeds it; its variables are read
// once, however many structs embed it.
type Base struct {
	AppName     string      `env:"APP_NAME" env-default:"netrun-service" env-description:"name of the service in logs and tokens"`
	Environment Environment `env:"APP_ENVIRONMENT" env-default:"development" env-rule:"oneof=development staging production testing" env-description:"where the service runs"`
	Debug       bool        `env:"APP_DEBUG" env-default:"false" env-description:"more detail for developers; refused in production"`
	LogLevel    string      `env:"LOG_LEVEL" env-default:"info" env-rule:"oneof=debug info warning error critical" env-live:"true" env-description:"least severe level that is logged"`
	LogFormat   string      `env:"LOG_FORMAT" env-rule:"oneof=json console" env-description:"default: json, console on a terminal in development"`
	LogSample   int         `env:"LOG_SAMPLE" env-default:"0" env-rule:"range=0..1000000" env-description:"lines of one event a second, below error, after which only one in a hundred is written; 0 writes all"`
}

// IsDevelopment reports whether the service runs on a developer's machine.
func (b Base) IsDevelopment() bool { return b.Environment == Development }

// IsStaging reports whether the service runs where releases are tried out.
func (b Base) IsStaging() bool { return b.Environment == Staging }

// IsProduction reports whether the service runs for its users.
func (b Base) IsProduction() bool { return b.Environment == Production }

// IsTesting reports whether the service runs under a test.
func (b Base) IsTesting() bool { return b.Environment == Testing }

// Validate refuses debug in production.
func (b *Base) Validate(p *Problems) {
	if b.Debug && b.IsProduction() {
		p.Add("APP_DEBUG", "production", "must be off in production")
	}
}

// Environment is where the service runs. The zero value is none of them; [LoadInto] fills in [Development].
type Environment string

// The environments, as APP_ENVIRONMENT names them in any case.
const (
	Development Environment = "development"
	Staging     Environment = "staging"
	Production  Environment = "production"
	Testing     Environment = "testing"
)
