package config_test

import (
	"testing"
	"time"

	"github.com/ilyakaznacheev/cleanenv"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
)

// small is what both BenchmarkLoadSmall and BenchmarkCleanenv read, so that one shows what sources, rules and provenance cost
// over cleanenv alone.
type small struct {
	Name string        `env:"BENCH_NAME" env-default:"x"`
	Size int           `env:"BENCH_SIZE" env-default:"20"`
	Wait time.Duration `env:"BENCH_WAIT" env-default:"30s"`
	On   bool          `env:"BENCH_ON" env-default:"true"`
	List []string      `env:"BENCH_LIST" env-default:"a,b,c"`
}

func BenchmarkLoadSmall(b *testing.B) {
	b.ReportAllocs()
	o := given(nil, nil)
	for b.Loop() {
		if _, _, err := config.Load[small](b.Context(), o); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCleanenv(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		var c small
		if err := cleanenv.ReadEnv(&c); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkGet is what a request pays that asks for the configuration.
func BenchmarkGet(b *testing.B) {
	b.ReportAllocs()
	s := config.NewStore(given(nil, nil))
	for b.Loop() {
		if _, err := config.Get[small](b.Context(), s); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLoad reads a configuration of 30 variables from the environment, a dotenv file and defaults.
func BenchmarkLoad(b *testing.B) {
	b.ReportAllocs()
	process := vars{"INT": "5", "DURATION": "1m", "LEVEL": "info", "T_MUST": "x", "T_SECRET": "y"}
	o := given(process, vars{".env": "SITE=http://h\nCHAIN=claude"})
	for b.Loop() {
		var c struct {
			Rules ruled
			Types everythingElse `env-prefix:"T_"`
			Base  config.Base
		}
		if _, err := config.LoadInto(b.Context(), &c, o); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBytes(b *testing.B) {
	b.ReportAllocs()
	text := []byte("512 KiB")
	for b.Loop() {
		var size config.Bytes
		if err := size.UnmarshalText(text); err != nil {
			b.Fatal(err)
		}
	}
}
