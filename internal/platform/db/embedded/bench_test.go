package embedded_test

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/db/embedded"
)

// BenchmarkFirstStart makes the data too.
func BenchmarkFirstStart(b *testing.B) {
	dir := benchDir(b)
	for i := 0; b.Loop(); i++ {
		startAndStop(b, embedded.Options{Dir: filepath.Join(dir, strconv.Itoa(i))})
	}
}

// BenchmarkStart is every later start and stop.
func BenchmarkStart(b *testing.B) {
	o := embedded.Options{Dir: benchDir(b)}
	startAndStop(b, o)
	for b.Loop() {
		startAndStop(b, o)
	}
}

func benchDir(b *testing.B) string {
	b.Helper()
	dir, err := os.MkdirTemp("", "embedded-bench-")
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, os.RemoveAll(dir)) })
	require.NoError(b, os.Chmod(dir, 0o755))
	return dir
}

func startAndStop(b *testing.B, o embedded.Options) {
	b.Helper()
	s, err := embedded.Start(b.Context(), o)
	require.NoError(b, err)
	require.NoError(b, s.Stop(b.Context()))
}
