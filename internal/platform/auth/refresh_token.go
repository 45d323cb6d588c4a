package auth

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// RefreshToken is what a client exchanges for a new access token: the ids of the tenant and of the session, and a secret of
// 256 bits. As text it is rt_ and 91 characters of base64url, a checksum among them. A token has exactly one text.
//
// Formatted, encoded or logged it is [logging.Redacted]; the text comes from [RefreshToken.Reveal] alone. The zero value is
// no token.
type RefreshToken struct {
	redacted
	parts opaque
}

const (
	refreshPrefix = "rt_"
	refreshBytes  = opaqueBytes + 4 // and the checksum
)

var errRefreshToken = errors.Sentinel("the text is not a refresh token")

// NewRefreshToken returns the first token of a session. Neither id may be the nil UUID: its text would not be read back.
func NewRefreshToken(tenantID, sessionID uuid.UUID) RefreshToken {
	return RefreshToken{parts: newOpaque(tenantID, sessionID)}
}

// ParseRefreshToken reads what [RefreshToken.Reveal] has written and nothing else. The error holds nothing of the text.
func ParseRefreshToken(text string) (RefreshToken, error) {
	body, ok := strings.CutPrefix(text, refreshPrefix)
	if !ok || len(body) != base64.RawURLEncoding.EncodedLen(refreshBytes) || strings.ContainsAny(body, "\r\n") {
		return RefreshToken{}, errRefreshToken
	}
	raw, err := strict.DecodeString(body)
	if err != nil {
		return RefreshToken{}, errRefreshToken
	}
	secret, sum := raw[:opaqueBytes], raw[opaqueBytes:]
	parts, ok := readOpaque(secret)
	if !ok || !bytes.Equal(sum, checksumBytes(refreshPrefix+string(secret))) {
		return RefreshToken{}, errRefreshToken
	}
	return RefreshToken{parts: parts}, nil
}

// Reveal returns the text, for the answer that hands it out.
func (t RefreshToken) Reveal() string {
	raw := t.parts.bytes()
	raw = append(raw, checksumBytes(refreshPrefix+string(raw))...)
	return refreshPrefix + base64.RawURLEncoding.EncodeToString(raw)
}

// Hash returns the SHA-256 of the text, which is what is stored.
func (t RefreshToken) Hash() []byte { return hashOf(t.Reveal()) }

// Matches reports whether stored is the [RefreshToken.Hash] of t, in a time that does not depend on where they differ.
func (t RefreshToken) Matches(stored []byte) bool { return sameHash(stored, t.Hash()) }

// TenantID returns the tenant that the token claims to be of.
func (t RefreshToken) TenantID() uuid.UUID { return t.parts.tenant }

// SessionID returns the session that the token claims to be of.
func (t RefreshToken) SessionID() uuid.UUID { return t.parts.id }

// Successor returns the next token of the session: the same ids, and for a secret HMAC-SHA256 of the text of t under seed.
// Who holds both can make it again, which is how a client whose answer was lost gets the same one a second time, although
// only the seed is stored. Who holds the token alone cannot, provided that seed comes from [NewSeed].
func (t RefreshToken) Successor(seed []byte) RefreshToken {
	mac := hmac.New(sha256.New, seed)
	mac.Write([]byte(t.Reveal()))
	next := t
	next.parts.secret = [secretBytes]byte(mac.Sum(nil))
	return next
}

// NewSeed returns 32 random bytes for [RefreshToken.Successor], new for each rotation.
func NewSeed() []byte { return random(secretBytes) }
