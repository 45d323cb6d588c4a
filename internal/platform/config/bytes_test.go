package config_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
)

func TestBytesText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]config.Bytes{
		"0": 0, "1": 1, "17B": 17, "1048576": 1 << 20, "1MiB": 1 << 20, "512 KiB": 512 << 10, " 3gib ": 3 << 30,
		"2TiB": 2 << 40, "10MB": 10_000_000, "1kb": 1000, "5GB": 5e9, "7tb": 7e12, "9223372036854775807": 1<<63 - 1,
	} {
		var b config.Bytes
		require.NoError(t, b.UnmarshalText([]byte(text)), text)
		assert.Equal(t, want, b, text)
	}
}

func TestBytesRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", " ", "MiB", "-1", "+1", "1.5MiB", "1e3", "0x10", "1_000", "1M", "1Mi", "1 Mi B", "1MiBs", "x1", "8388608TiB", "9223372036854775808",
	} {
		b := config.Bytes(42)
		err := b.UnmarshalText([]byte(text))
		require.Error(t, err, text)
		assert.Equal(t, config.Bytes(42), b, "unchanged")
		assert.Equal(t, "not a size such as 512KiB, 10MB or 1048576", err.Error())
	}
}

func TestBytesString(t *testing.T) {
	t.Parallel()
	for want, b := range map[string]config.Bytes{
		"0": 0, "1": 1, "1023": 1023, "1KiB": 1024, "1536KiB": 1536 << 10, "1MiB": 1 << 20, "10MB": 10_000_000, "1KB": 1000, "-5": -5,
	} {
		assert.Equal(t, want, b.String())
	}
}

func FuzzBytes(f *testing.F) {
	for _, seed := range []string{"1MiB", "512 KiB", "10MB", "1048576", "9223372036854775807", "8TiB", "B", "-1", "1.5GB"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var b, again config.Bytes
		if b.UnmarshalText([]byte(text)) != nil {
			return
		}
		require.GreaterOrEqual(t, b, config.Bytes(0))
		require.NoError(t, again.UnmarshalText([]byte(b.String())))
		require.Equal(t, b, again)
	})
}
