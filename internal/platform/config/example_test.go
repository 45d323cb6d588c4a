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
	Timeout time.Duration `env:"DB_POOL_TIMEOUT" env-default:"30s"`
	URL     config.Secret `env:"DATABASE_URL"`
}

// Validate has the rules that tags cannot express.
func (c *PoolConfig) Validate(p *config.Problems) {
	p.Range("DB_POOL_TIMEOUT", c.Timeout, time.Second, 5*time.Minute)
	if c.IsProduction() && c.URL.IsZero() {
		p.Add("DATABASE_URL", "required", "is required in production")
	}
}

// variables stands in for the process environment.
func variables(m map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { value, ok := m[name]; return value, ok }
}

func Example() {
	var c PoolConfig
	provenance, err := config.LoadInto(context.Background(), &c, config.Options{Lookup: variables(map[string]string{
		"DATABASE_URL": "postgres://app:hunter2@db/app", "DB_POOL_TIMEOUT": "45",
	})})
	fmt.Println(c.Size, c.Timeout, err)
	for s := range provenance.All() {
		fmt.Printf("%s=%s (%s)\n", s.Variable, s.Value, s.Source)
	}
	// Output:
	// 20 45s <nil>
	// APP_NAME=netrun-service (default)
	// APP_ENVIRONMENT=development (default)
	// APP_DEBUG=false (default)
	// LOG_LEVEL=info (default)
	// LOG_FORMAT= (unset)
	// LOG_SAMPLE=0 (default)
	// DB_POOL_SIZE=20 (default)
	// DB_POOL_TIMEOUT=45s (environment)
	// DATABASE_URL=[REDACTED] (environment)
}

func ExampleLoad_problems() {
	var c PoolConfig
	_, err := config.LoadInto(context.Background(), &c, config.Options{Lookup: variables(map[string]string{
		"APP_ENVIRONMENT": "Production", "APP_DEBUG": "yes", "LOG_LEVEL": "loud", "DB_POOL_SIZE": "twenty", "DB_POOL_TIMEOUT": "1h",
	})})
	fmt.Println(err)
	// Output:
	// the configuration is not valid:
	//   APP_DEBUG: must be off in production (environment)
	//   LOG_LEVEL: must be one of debug, info, warning, error, critical (environment)
	//   DB_POOL_SIZE: must be a whole number (environment)
	//   DB_POOL_TIMEOUT: must be in 1s..5m (environment)
	//   DATABASE_URL: is required in production
}

func ExampleDescribe() {
	variables, err := config.Describe(PoolConfig{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	for _, v := range variables[6:] {
		fmt.Printf("%s: %s (%s)\n", v.Name, v.Type, v.Default)
	}
	// Output:
	// DB_POOL_SIZE: a whole number (20)
	// DB_POOL_TIMEOUT: a duration such as 30s, or a number of seconds (30s)
	// DATABASE_URL: text ()
}

func ExampleStore() {
	ctx := context.Background()
	environment := map[string]string{"LOG_LEVEL": "info"}
	store := config.NewStore(config.Options{Lookup: variables(environment)})
	before, err := config.Get[PoolConfig](ctx, store)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	store.Subscribe(func(ctx context.Context, c config.Change) {
		if now, err := config.Get[PoolConfig](ctx, store); err == nil && c.Has("LOG_LEVEL") {
			fmt.Println("the level was", before.LogLevel, "and is", now.LogLevel)
		}
	})

	environment["LOG_LEVEL"], environment["DB_POOL_SIZE"] = "debug", "50"
	change, err := store.Reload(ctx)
	fmt.Println(change.Changed, change.RestartRequired, err)

	environment["LOG_LEVEL"] = "loud"
	_, err = store.Reload(ctx)
	fmt.Println(err)
	// Output:
	// the level was info and is debug
	// [LOG_LEVEL] [DB_POOL_SIZE] <nil>
	// the configuration is not valid:
	//   LOG_LEVEL: must be one of debug, info, warning, error, critical (environment)
}
