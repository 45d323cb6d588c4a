package identity

import (
	"crypto/sha256"
	"net/netip"
	"time"
)

// Limits says how often a login may fail.
type Limits struct {
	MaxFailures           int           `env:"AUTH_MAX_FAILURES" env-default:"5" env-live:"true" env-rule:"range=1..100" env-description:"failed logins in a row after which an account is locked"`
	MaxFailuresPerAddress int           `env:"AUTH_MAX_FAILURES_PER_ADDRESS" env-default:"50" env-live:"true" env-rule:"range=1..10000" env-description:"failed logins after which an address is locked"`
	Lockout               time.Duration `env:"AUTH_LOCKOUT" env-default:"15m" env-live:"true" env-rule:"range=1s..24h" env-description:"how long an account or an address stays locked"`
}

// keyOf hashes what is counted. An email is normalised before; of an IPv6 address the network counts, since whoever has one
// address has 2^64.
func keyOf(kind, value string) []byte {
	sum := sha256.Sum256([]byte(kind + "\x00" + value))
	return sum[:]
}

func network(remoteIP string) string {
	addr, err := netip.ParseAddr(remoteIP)
	if err != nil || addr.Unmap().Is4() {
		return remoteIP
	}
	prefix, err := addr.WithZone("").Prefix(64)
	if err != nil {
		return remoteIP
	}
	return prefix.String()
}
