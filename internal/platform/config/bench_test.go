package config_test

import (
	"testing"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
)

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
