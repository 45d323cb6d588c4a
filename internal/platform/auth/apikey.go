package auth

import (
	"math/big"
	"strings"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// APIKey is what a program sends in X-API-Key: the ids of its tenant and of itself, and a secret of 256 random bits. As text
// it is ak_, 86 base62 digits, an underscore and six more of a checksum, 96 characters, so that a scanner of repositories
// knows one when it sees it. A key has exactly one text.
//
// Formatted, encoded or logged it is [logging.Redacted]; the text comes from [APIKey.Reveal] alone. The zero value is no key.
type APIKey struct {
	redacted
	parts opaque
}

const (
	apiKeyPrefix   = "ak_"
	apiKeyDigits   = 86 // what 64 bytes need in base62
	checksumDigits = 6  // what 32 bits need
	apiKeyLength   = len(apiKeyPrefix) + apiKeyDigits + 1 + checksumDigits
	shownOfKey     = 4
)

var errAPIKey = errors.Sentinel("the text is not an API key")

// NewAPIKey returns a key with a new secret. Neither id may be the nil UUID: its text would not be read back.
func NewAPIKey(tenantID, keyID uuid.UUID) APIKey { return APIKey{parts: newOpaque(tenantID, keyID)} }

// ParseAPIKey reads what [APIKey.Reveal] has written and nothing else: no blanks, no other spelling, no other length. A key
// that reads well may still be nobody's. The error holds nothing of the text.
func ParseAPIKey(text string) (APIKey, error) {
	body, sum, ok := splitAPIKey(text)
	if !ok || base62(big.NewInt(int64(checksum(apiKeyPrefix+body))), checksumDigits) != sum {
		return APIKey{}, errAPIKey
	}
	n, ok := new(big.Int).SetString(body, 62)
	if !ok || n.BitLen() > 8*opaqueBytes {
		return APIKey{}, errAPIKey
	}
	parts, ok := readOpaque(n.FillBytes(make([]byte, opaqueBytes)))
	if !ok {
		return APIKey{}, errAPIKey
	}
	return APIKey{parts: parts}, nil
}

func splitAPIKey(text string) (body, sum string, ok bool) {
	if len(text) != apiKeyLength {
		return "", "", false
	}
	rest, ok := strings.CutPrefix(text, apiKeyPrefix)
	body, sum = rest[:min(apiKeyDigits, len(rest))], rest[min(apiKeyDigits+1, len(rest)):]
	return body, sum, ok && rest[apiKeyDigits] == '_' && isBase62(body)
}

// isBase62 is asked first, because [big.Int.SetString] also takes a sign.
func isBase62(text string) bool {
	for _, c := range []byte(text) {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

// base62 writes n in so many digits, with zeros in front.
func base62(n *big.Int, digits int) string {
	text := n.Text(62)
	return strings.Repeat("0", max(0, digits-len(text))) + text
}

// Reveal returns the text, for the one answer that shows it.
func (k APIKey) Reveal() string {
	body := base62(new(big.Int).SetBytes(k.parts.bytes()), apiKeyDigits)
	return apiKeyPrefix + body + "_" + base62(big.NewInt(int64(checksum(apiKeyPrefix+body))), checksumDigits)
}

// Hash returns the SHA-256 of the text, which is what is stored. A slow hash would protect nothing: nobody guesses 256 bits.
func (k APIKey) Hash() []byte { return hashOf(k.Reveal()) }

// Matches reports whether stored is the [APIKey.Hash] of k, in a time that does not depend on where they differ.
func (k APIKey) Matches(stored []byte) bool { return sameHash(stored, k.Hash()) }

// TenantID returns the tenant that the key claims to be of.
func (k APIKey) TenantID() uuid.UUID { return k.parts.tenant }

// ID returns the id of the key.
func (k APIKey) ID() uuid.UUID { return k.parts.id }

// Hint returns how a list shows the key, so that its owner knows it again: the prefix and the last four characters, which
// are of the checksum.
func (k APIKey) Hint() string {
	text := k.Reveal()
	return apiKeyPrefix + "..." + text[len(text)-shownOfKey:]
}
