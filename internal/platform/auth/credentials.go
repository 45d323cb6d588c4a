package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"hash/crc32"
	"math/big"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

const (
	apiKeyPrefix   = "ak_"
	refreshPrefix  = "rt_"
	secretBytes    = 32
	nonceBytes     = 16 // of the secret of a refresh token
	rawBytes       = 2*len(uuid.Nil) + secretBytes
	bodyDigits     = 86 // of 64 bytes in base62
	checksumDigits = 6  // of 32 bits in base62
)

var (
	errAPIKey       = errors.Sentinel("the text is not an API key")
	errRefreshToken = errors.Sentinel("the text is not a refresh token")
)

// text is embedded under a name of its own so that the field is not exported.
type text = logging.Secret

// credential is the encoding that API keys and refresh tokens share. Its text is a prefix, which
// lets a secret scanner recognize it, 86 base62 digits for two ids and a 256-bit secret, an
// underscore, and 6 base62 digits for the CRC-32 of what comes before. The ids let the service read
// the row within its tenant, and nowhere else. The checksum detects typing errors without a
// database and protects nothing.
//
// It formats, encodes and logs as [logging.Redacted]; Reveal returns the text.
type credential struct {
	text
	tenant, id uuid.UUID
	secret     [secretBytes]byte
}

func newCredential(prefix string, tenant, id uuid.UUID, secret []byte) credential {
	raw := slices.Concat(tenant[:], id[:], secret)
	body := prefix + base62(new(big.Int).SetBytes(raw), bodyDigits)
	checksum := big.NewInt(int64(crc32.ChecksumIEEE([]byte(body))))
	return credential{text(body + "_" + base62(checksum, checksumDigits)), tenant, id, [secretBytes]byte(secret)}
}

// parseCredential accepts only what newCredential writes. It encodes what it has read and compares,
// so that neither another spelling nor a wrong checksum passes.
func parseCredential(prefix, s string) (credential, bool) {
	digits, ok := strings.CutPrefix(s, prefix)
	if !ok || len(digits) != bodyDigits+1+checksumDigits {
		return credential{}, false
	}
	n, ok := new(big.Int).SetString(digits[:bodyDigits], 62)
	if !ok || n.BitLen() > 8*rawBytes {
		return credential{}, false
	}
	raw := n.FillBytes(make([]byte, rawBytes))
	c := newCredential(prefix, uuid.UUID(raw[:16]), uuid.UUID(raw[16:32]), raw[32:])
	if c.Reveal() != s || c.tenant == uuid.Nil || c.id == uuid.Nil {
		return credential{}, false
	}
	return c, true
}

// base62 returns n with leading zeros up to the number of digits.
func base62(n *big.Int, digits int) string {
	s := n.Text(62)
	return strings.Repeat("0", max(0, digits-len(s))) + s
}

// TenantID returns the tenant that the credential names.
func (c credential) TenantID() uuid.UUID { return c.tenant }

// Hash returns the SHA-256 of the text, to be stored instead of it. For 256 random bits a fast hash
// is enough.
func (c credential) Hash() []byte {
	sum := sha256.Sum256([]byte(c.Reveal()))
	return sum[:]
}

// Matches reports in constant time whether stored is the Hash of the credential.
func (c credential) Matches(stored []byte) bool {
	return subtle.ConstantTimeCompare(stored, c.Hash()) == 1
}

// APIKey is what a program sends in X-API-Key: the prefix ak_, the ids of its tenant and of the
// key, and a random secret. It formats, encodes and logs as [logging.Redacted]; Reveal returns the
// text.
type APIKey struct{ credential }

// NewAPIKey returns a key with a new secret. [ParseAPIKey] rejects a key with a nil UUID.
func NewAPIKey(tenantID, keyID uuid.UUID) APIKey {
	return APIKey{newCredential(apiKeyPrefix, tenantID, keyID, random(secretBytes))}
}

// ParseAPIKey parses exactly what [NewAPIKey] makes. Whether such a key exists is for the caller to
// check. The error never contains the text.
func ParseAPIKey(text string) (APIKey, error) {
	c, ok := parseCredential(apiKeyPrefix, text)
	if !ok {
		return APIKey{}, errAPIKey
	}
	return APIKey{c}, nil
}

// ID returns the id of the key.
func (k APIKey) ID() uuid.UUID { return k.id }

// Hint returns the prefix and the last four characters, by which the owner recognizes the key.
func (k APIKey) Hint() string {
	text := k.Reveal()
	return apiKeyPrefix + "..." + text[len(text)-4:]
}

// RefreshToken is what a client exchanges for a new access token: the prefix rt_, the ids of the
// tenant and of the session, a 128-bit nonce and a 128-bit MAC under the family key of the session.
//
// The tokens of a session, each the successor of the one before, are its family. The MAC
// distinguishes a token that was issued once, and reused because somebody copied it, from one that
// was forged for a known session id, without storing spent tokens.
//
// It formats, encodes and logs as [logging.Redacted]; Reveal returns the text.
type RefreshToken struct{ credential }

// NewRefreshToken returns the first token of a session with a family key from [NewSeed].
// [ParseRefreshToken] rejects a token with a nil UUID.
func NewRefreshToken(tenantID, sessionID uuid.UUID, family []byte) RefreshToken {
	return newRefreshToken(tenantID, sessionID, family, random(nonceBytes))
}

func newRefreshToken(tenant, session uuid.UUID, family, nonce []byte) RefreshToken {
	mac := hmacSHA256(family, slices.Concat(tenant[:], session[:], nonce))[:secretBytes-nonceBytes]
	return RefreshToken{newCredential(refreshPrefix, tenant, session, slices.Concat(nonce, mac))}
}

// ParseRefreshToken parses exactly what [NewRefreshToken] makes. The error never contains the text.
func ParseRefreshToken(text string) (RefreshToken, error) {
	c, ok := parseCredential(refreshPrefix, text)
	if !ok {
		return RefreshToken{}, errRefreshToken
	}
	return RefreshToken{c}, nil
}

// SessionID returns the session that the token names.
func (t RefreshToken) SessionID() uuid.UUID { return t.id }

// Successor returns the next token of the family. Its nonce is the HMAC-SHA256 of t under seed, so
// that a client whose response was lost can get the same successor again although only the seed is
// stored. A thief of t cannot compute it, as long as each rotation has a new seed from [NewSeed].
func (t RefreshToken) Successor(family, seed []byte) RefreshToken {
	return newRefreshToken(t.tenant, t.id, family, hmacSHA256(seed, []byte(t.Reveal()))[:nonceBytes])
}

// Of reports in constant time whether t was issued with the family key.
func (t RefreshToken) Of(family []byte) bool {
	genuine := newRefreshToken(t.tenant, t.id, family, t.secret[:nonceBytes])
	return subtle.ConstantTimeCompare(genuine.secret[:], t.secret[:]) == 1
}

// NewSeed returns 32 random bytes for a family key, or for one [RefreshToken.Successor].
func NewSeed() []byte { return random(secretBytes) }

func hmacSHA256(key, message []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(message)
	return mac.Sum(nil)
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: it crashes the program instead
	return b
}
