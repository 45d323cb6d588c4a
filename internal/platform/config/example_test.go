package config_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
)

// PoolConfig is what a package asks for.
type PoolConfig struct {
	config.Base
	Size    int           `env:"DB_POOL_SIZE" env-default:"20" env-rule:"range=1..100" env-description:"connections kept open"`
	Timeout time.Duration `env:"DB_POOL_TIMEOUT" env-default:"30s" env-rule:"range=1s..5m"`
	URL     config.Secret `env:"DATABASE_URL"`
}

// Validate has the rules that tags cannot express.
func (c *PoolConfig) Validate(report func(variable, rule, message string)) {
	if c.IsProduction() && c.URL.IsZero() {
		report("DATABASE_URL", "required", "is required in production")
	}
}

// variables stands in for the process environment.
func variables(m map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { value, ok := m[name]; return value, ok }
}

func Example() {
	c, provenance, err := config.Load[PoolConfig](context.Background(), config.Options{Lookup: variables(map[string]string{
		"APP_NAME": "notes", "DATABASE_URL": "postgres://app:hunter2@db/app", "DB_POOL_TIMEOUT": "45",
	})})
	fmt.Println(c.Size, c.Timeout, err)
	for _, s := range provenance.Settings {
		fmt.Printf("%s=%s (%s)\n", s.Variable, s.Value, s.Source)
	}
	// Output:
	// 20 45s <nil>
	// APP_NAME=notes (environment)
	// APP_ENVIRONMENT=development (default)
	// APP_DEBUG=false (default)
	// LOG_LEVEL=info (default)
	// LOG_FORMAT= (unset)
	// LOG_SAMPLE=0 (default)
	// LOG_LINE_LIMIT=16KB (default)
	// DB_POOL_SIZE=20 (default)
	// DB_POOL_TIMEOUT=45s (environment)
	// DATABASE_URL=[REDACTED] (environment)
}

func ExampleLoad_problems() {
	_, _, err := config.Load[PoolConfig](context.Background(), config.Options{Lookup: variables(map[string]string{
		"APP_ENVIRONMENT": "Production", "APP_DEBUG": "yes", "LOG_LEVEL": "loud", "DB_POOL_SIZE": "twenty", "DB_POOL_TIMEOUT": "1h",
	})})
	fmt.Println(err)
	// Output:
	// invalid configuration:
	//   APP_DEBUG: must be off in production (environment)
	//   LOG_LEVEL: must be one of debug, info, warning, error, critical (environment)
	//   DB_POOL_SIZE: must be a whole number (environment)
	//   DB_POOL_TIMEOUT: must be between 1s and 5m (environment)
	//   DATABASE_URL: is required in production
}

func ExampleDescribe() {
	variables, err := config.Describe[PoolConfig]()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	for _, v := range variables[7:] {
		fmt.Printf("%s=%s %s\n", v.Name, v.Default, v.Rule)
	}
	// Output:
	// DB_POOL_SIZE=20 between 1 and 100
	// DB_POOL_TIMEOUT=30s between 1s and 5m
	// DATABASE_URL=
}

func ExampleReloader() {
	ctx := context.Background()
	environment := map[string]string{"LOG_LEVEL": "info"}
	r, _, err := config.NewReloader[PoolConfig](ctx, config.Options{Lookup: variables(environment)})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	environment["LOG_LEVEL"], environment["DB_POOL_SIZE"] = "debug", "50"
	change, err := r.Reload(ctx)
	fmt.Println(change.Changed, change.RestartRequired, err, r.Get().LogLevel)

	environment["LOG_LEVEL"] = "loud"
	_, err = r.Reload(ctx)
	fmt.Println(err)
	// Output:
	// [LOG_LEVEL] [DB_POOL_SIZE] <nil> debug
	// invalid configuration:
	//   LOG_LEVEL: must be one of debug, info, warning, error, critical (environment)
}
