package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// Bytes is a number of bytes. Its text is a whole number and a unit: B, KiB, MiB, GiB, TiB (powers of 1024), KB, MB, GB,
// TB (powers of 1000), in any case, with or without a space, or no unit for bytes: "1MiB", "512 KiB", "10MB", "1048576".
type Bytes int64

// The binary units.
const (
	KiB Bytes = 1 << (10 * (iota + 1))
	MiB
	GiB
	TiB
)

var errBytes = errors.Sentinel("not a size such as 512KiB, 10MB or 1048576")

// The order matters to String: the largest unit first, binary before decimal.
var units = []struct {
	name string
	size Bytes
}{
	{"TiB", TiB}, {"GiB", GiB}, {"MiB", MiB}, {"KiB", KiB},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3},
	{"B", 1},
}

// UnmarshalText reads a size. The error does not hold the text.
func (b *Bytes) UnmarshalText(text []byte) error {
	trimmed := strings.TrimSpace(string(text))
	digits := strings.TrimRight(trimmed, "BbKkMmGgTtIi ")
	unit, ok := sizeOf(strings.TrimSpace(trimmed[len(digits):]))
	number, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || !ok || strings.ContainsAny(digits, "+-") || Bytes(number) > math.MaxInt64/unit {
		return errBytes
	}
	*b = Bytes(number) * unit
	return nil
}

func sizeOf(unit string) (Bytes, bool) {
	if unit == "" {
		return 1, true
	}
	for _, u := range units {
		if strings.EqualFold(u.name, unit) {
			return u.size, true
		}
	}
	return 1, false
}

// String returns the size in the largest unit that divides it, a binary one if there is one, such as "1MiB" or "10MB".
func (b Bytes) String() string {
	for _, u := range units {
		if b > 1 && u.size > 1 && b%u.size == 0 {
			return fmt.Sprintf("%d%s", b/u.size, u.name)
		}
	}
	return strconv.FormatInt(int64(b), 10)
}

// MarshalText returns String.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(b.String()), nil }
