package auth

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// The errors do not quote the string: a password hash has no business in a log.
var (
	errPHC  = errors.Sentinel("the password hash is not a PHC string of argon2id")
	errCost = errors.Sentinel("the cost of the password hash is out of bounds")
)

// cost is what argon2id is told to spend.
type cost struct {
	memoryKiB, passes uint32
	lanes             uint8
}

// sane bounds what one hash may take, whoever wrote it: 8 KiB a lane (RFC 9106) to 256 MiB, 16 passes, 16 lanes.
func (c cost) sane() bool {
	const maxMemoryKiB, maxPasses, maxLanes, minKiBPerLane = 256 << 10, 16, 16, 8
	return c.passes >= 1 && c.passes <= maxPasses && c.lanes >= 1 && c.lanes <= maxLanes &&
		c.memoryKiB >= minKiBPerLane*uint32(c.lanes) && c.memoryKiB <= maxMemoryKiB
}

// leastMemory returns the KiB that a hash with so many passes needs to be as hard to guess as OWASP's Password Storage Cheat
// Sheet asks.
func leastMemory(passes uint32) uint32 {
	switch passes {
	case 0, 1:
		return 47104
	case 2:
		return 19456
	case 3:
		return 12288
	case 4:
		return 9216
	default:
		return 7168
	}
}

// phc is a hash in the PHC string format: $argon2id$v=19$m=19456,t=2,p=1$salt$hash.
type phc struct {
	cost       cost
	salt, hash []byte
}

// String returns the hash as it is stored.
func (h phc) String() string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, h.cost.memoryKiB, h.cost.passes, h.cost.lanes, b64(h.salt), b64(h.hash))
}

// parsePHC reads exactly what String writes: no other order, no spaces, no padding, no leading zeros.
func parsePHC(text string) (phc, error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != "v="+strconv.Itoa(argon2.Version) {
		return phc{}, errPHC
	}
	var h phc
	var ok bool
	if h.cost, ok = parseCost(parts[3]); !ok {
		return phc{}, errPHC
	}
	if h.salt, ok = decode(parts[4], 8, 64); !ok {
		return phc{}, errPHC
	}
	if h.hash, ok = decode(parts[5], 16, 64); !ok {
		return phc{}, errPHC
	}
	if h.String() != text {
		return phc{}, errPHC
	}
	if !h.cost.sane() {
		return phc{}, errCost
	}
	return h, nil
}

func parseCost(text string) (cost, bool) {
	var values [3]uint32
	fields := strings.Split(text, ",")
	if len(fields) != len(values) {
		return cost{}, false
	}
	for i, prefix := range []string{"m=", "t=", "p="} {
		digits, ok := strings.CutPrefix(fields[i], prefix)
		n, err := strconv.ParseUint(digits, 10, 32)
		if !ok || err != nil {
			return cost{}, false
		}
		values[i] = uint32(n)
	}
	lanes := values[2]
	if lanes > math.MaxUint8 {
		return cost{}, false
	}
	return cost{memoryKiB: values[0], passes: values[1], lanes: uint8(lanes)}, true
}

func decode(text string, least, most int) ([]byte, bool) {
	b, err := base64.RawStdEncoding.Strict().DecodeString(text)
	return b, err == nil && len(b) >= least && len(b) <= most
}
