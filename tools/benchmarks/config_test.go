package benchmarks_test

import (
	"testing"
	"time"

	"github.com/ilyakaznacheev/cleanenv"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
)

// settings are twenty variables of the usual types.
type settings struct {
	A1 string        `env:"A1" env-default:"x"`
	A2 string        `env:"A2" env-default:"x"`
	A3 string        `env:"A3" env-default:"x"`
	A4 string        `env:"A4" env-default:"x"`
	A5 string        `env:"A5" env-default:"x"`
	B1 int           `env:"B1" env-default:"1"`
	B2 int           `env:"B2" env-default:"1"`
	B3 int           `env:"B3" env-default:"1"`
	B4 int           `env:"B4" env-default:"1"`
	B5 int           `env:"B5" env-default:"1"`
	C1 bool          `env:"C1" env-default:"true"`
	C2 bool          `env:"C2" env-default:"true"`
	C3 bool          `env:"C3" env-default:"true"`
	D1 time.Duration `env:"D1" env-default:"30s"`
	D2 time.Duration `env:"D2" env-default:"30s"`
	D3 time.Duration `env:"D3" env-default:"30s"`
	E1 []string      `env:"E1" env-default:"a,b"`
	E2 []string      `env:"E2" env-default:"a,b"`
	F1 float64       `env:"F1" env-default:"0.5"`
	F2 float64       `env:"F2" env-default:"0.5"`
}

func BenchmarkConfig(b *testing.B) {
	b.Run("this", func(b *testing.B) {
		b.ReportAllocs()
		o := config.Options{Lookup: func(string) (string, bool) { return "", false }, Dir: b.TempDir()}
		for b.Loop() {
			_, _, err := config.Load[settings](b.Context(), o)
			require.NoError(b, err)
		}
	})
	b.Run("cleanenv", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var s settings
			require.NoError(b, cleanenv.ReadEnv(&s))
		}
	})
}
