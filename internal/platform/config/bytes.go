package config

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// Bytes is a number of bytes. Its text is a whole number and an optional unit in any case: B, KiB,
// MiB, GiB, TiB (powers of 1024), KB, MB, GB, TB (powers of 1000). Examples are "1MiB", "512 KiB",
// "10MB" and "1048576".
type Bytes int64

var errBytes = errors.Sentinel("not a size such as 512KiB, 10MB or 1048576")

type unit struct {
	name string
	size Bytes
}

// units are in the order in which String tries them: binary before decimal, large before small.
var units = []unit{
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3},
	{"B", 1},
}

// UnmarshalText parses a size. The error does not contain the text.
func (b *Bytes) UnmarshalText(text []byte) error {
	trimmed := strings.TrimSpace(string(text))
	digits := strings.TrimRight(trimmed, "BbKkMmGgTtIi ")
	name := cmp.Or(strings.TrimSpace(trimmed[len(digits):]), "B")
	i := slices.IndexFunc(units, func(u unit) bool { return strings.EqualFold(u.name, name) })
	number, err := strconv.ParseUint(digits, 10, 63)
	if err != nil || i < 0 || Bytes(number) > math.MaxInt64/units[i].size {
		return errBytes
	}
	*b = Bytes(number) * units[i].size
	return nil
}

// String returns the size in the largest unit that divides it, preferably a binary one: "1MiB",
// "10MB".
func (b Bytes) String() string {
	for _, u := range units {
		if b > 1 && u.size > 1 && b%u.size == 0 {
			return fmt.Sprintf("%d%s", b/u.size, u.name)
		}
	}
	return strconv.FormatInt(int64(b), 10)
}
