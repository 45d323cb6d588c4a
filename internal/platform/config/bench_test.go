package config_test

import (
	"testing"
	"time"

	"github.com/ilyakaznacheev/cleanenv"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
)

// small is what both BenchmarkLoadSmall and BenchmarkCleanenv read, so that one shows what sources,
// rules and provenance cost over cleanenv alone.
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

func BenchmarkGet(b *testing.B) {
	b.ReportAllocs()
	r := newReloader[small](b, given(nil, nil))
	for b.Loop() {
		if r.Get().Size != 20 {
			b.Fatal(r.Get())
		}
	}
}

// BenchmarkLoad reads about thirty variables from the environment, a dotenv file and defaults. It
// takes less than 0.5 ms.
func BenchmarkLoad(b *testing.B) {
	b.ReportAllocs()
	process := vars{"INT": "5", "DURATION": "1m", "LEVEL": "info", "T_SECRET": "y"}
	o := given(process, vars{".env": "ADDR=:1\nCHAIN=claude"})
	type settings struct {
		small
		Rules ruled
		Types typed
		Base  config.Base
		Pool  PoolConfig
	}
	for b.Loop() {
		if _, _, err := config.Load[settings](b.Context(), o); err != nil {
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
