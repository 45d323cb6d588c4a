package auth

import (
	"bytes"
	"context"
	"math/big"
)

// What the tests outside of the package need to see of its inside.
var (
	Bearer = func(values []string) (token, refused string) {
		token, why := bearer(values)
		return token, string(why)
	}
	CommonPasswords = common
	CommonWords     = words
)

// CanonicalPHC parses text and returns it as it would be stored.
func CanonicalPHC(text string) (string, error) {
	h, err := parsePHC(text)
	return h.String(), err
}

// Remembered returns how many tokens v remembers.
func (v *Verifier) Remembered() int {
	v.seen.mu.Lock()
	defer v.seen.mu.Unlock()
	both := len(v.seen.young)
	for k := range v.seen.old {
		if _, again := v.seen.young[k]; !again {
			both++
		}
	}
	return both
}

// Remembers reports whether v remembers token.
func (v *Verifier) Remembers(token string) bool {
	_, ok := v.seen.get(keyOf(token))
	return ok
}

// TakeTurn takes a turn to hash a password, as a hash under way does, until release is called.
func (p *Passwords) TakeTurn() (release func()) {
	release, err := p.turns.take(context.Background())
	if err != nil {
		panic(err)
	}
	return release
}

// WithChecksum ends the beginning of an API key with the checksum that fits it.
func WithChecksum(text string) string {
	return text + "_" + base62(big.NewInt(int64(checksum(text))), checksumDigits)
}

// RefreshText is the text of a refresh token of these bytes.
func RefreshText(raw []byte) string { return refreshText(bytes.Clone(raw)) }
