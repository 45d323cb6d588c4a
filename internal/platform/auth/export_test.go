package auth

import (
	"context"
	"crypto/sha256"
	"hash/crc32"
	"math/big"
	"time"

	"github.com/google/uuid"
)

// Exported for the tests.
var (
	Bearer          = bearer
	CommonPasswords = commonPasswords
	CommonWords     = commonWords
)

// CanonicalPHC parses and formats a PHC string.
func CanonicalPHC(text string) (string, error) {
	h, err := parsePHC(text)
	return h.String(), err
}

// CacheLen returns the number of cached tokens.
func (v *Verifier) CacheLen() int {
	v.cache.mu.Lock()
	defer v.cache.mu.Unlock()
	both := len(v.cache.recent)
	for k := range v.cache.old {
		if _, again := v.cache.recent[k]; !again {
			both++
		}
	}
	return both
}

// Caches reports whether token is cached.
func (v *Verifier) Caches(token string) bool {
	_, ok := v.cache.get(sha256.Sum256([]byte(token)))
	return ok
}

// KeyID returns the kid of the signing key.
func (s *KeySet) KeyID() string { return s.signing.id }

// Algorithm returns the algorithm of the signing key.
func (s *KeySet) Algorithm() Algorithm { return s.signing.algorithm }

// At sets the clock of v.
func (v *Verifier) At(now func() time.Time) *Verifier {
	v.now = now
	return v
}

// SetCacheSize sets the maximum number of cached tokens.
func (v *Verifier) SetCacheSize(n int) { v.cache.generation = n / 2 }

// Forget removes token from the cache.
func (v *Verifier) Forget(token string) { v.cache.remove(sha256.Sum256([]byte(token))) }

// Issue is IssueUntil without an end.
func (i *Issuer) Issue(p Principal) (token string, expires time.Time, err error) {
	return i.IssueUntil(p, time.Time{})
}

// At sets the clock of i.
func (i *Issuer) At(now func() time.Time) *Issuer {
	i.now = now
	return i
}

// At sets the clock of r.
func (r *Revocations) At(now func() time.Time) *Revocations {
	r.now = now
	return r
}

// Len returns the number of sessions in the cache.
func (r *Revocations) Len() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.sessions)
}

// Acquire takes a slot to hash a password until release is called.
func (p *Passwords) Acquire() (release func()) {
	release, err := p.acquire(context.Background())
	if err != nil {
		panic(err)
	}
	return release
}

// WithChecksum appends the checksum to the rest of a credential.
func WithChecksum(body string) string {
	return body + "_" + base62(big.NewInt(int64(crc32.ChecksumIEEE([]byte(body)))), checksumDigits)
}

// Secret returns the secret of t.
func (t RefreshToken) Secret() []byte { return t.secret[:] }

// RefreshTokenOf returns the refresh token with these ids and this secret.
func RefreshTokenOf(tenant, session uuid.UUID, secret []byte) RefreshToken {
	return RefreshToken{newCredential(refreshPrefix, tenant, session, secret)}
}
