package spelling_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netrun-systems/go-service-template/internal/platform/env/spelling"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	known := slices.Values([]string{"LOG_LEVEL", "LOG_FORMAT", "DB_POOL_SIZE", "DB_POOL_TIMEOUT", "A"})
	for name, want := range map[string]string{
		"LOG_LEVEL":      "LOG_LEVEL",
		"LOG_LEVL":       "LOG_LEVEL",
		"LOG_LEVELS":     "LOG_LEVEL",
		"LOG_LVEEL":      "LOG_LEVEL",
		"LOG_LAVEL":      "LOG_LEVEL",
		"LGO_LVEEL":      "LOG_LEVEL",
		"DB_POLL_SIZE":   "DB_POOL_SIZE",
		"DB_HOST":        "",
		"LOG_OUTPUT":     "",
		"B":              "",
		"":               "",
		"LOG_LEVEL_FILE": "",
	} {
		assert.Equal(t, want, spelling.Nearest(name, known), name)
	}
}

func FuzzNearest(f *testing.F) {
	f.Add("LOG_LVEEL", "LOG_LEVEL")
	f.Fuzz(func(t *testing.T, a, b string) {
		if len(a) > 200 || len(b) > 200 {
			return
		}
		if spelling.Nearest(a, slices.Values([]string{a})) != a {
			t.Error("a name is nearest to itself")
		}
		meant := spelling.Nearest(a, slices.Values([]string{b}))
		if meant != "" && meant != b {
			t.Error("only known names are found")
		}
	})
}

func ExampleNearest() {
	fmt.Println(spelling.Nearest("LOG_LVEEL", slices.Values([]string{"LOG_FORMAT", "LOG_LEVEL"})))
	// Output: LOG_LEVEL
}
