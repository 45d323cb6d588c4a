package auth

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"strings"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// RefreshToken is what a client exchanges for a new access token: the ids of the tenant and of the session, 128 bits that nobody
// can guess, and a mark of 128 bits that only who has the family key of the session can make. As text it is rt_ and 91
// characters of base64url, a checksum among them. A token has exactly one text.
//
// All tokens of a session, each the successor of the one before it, are its family. The mark tells a token that was given out
// at some time, and has come back because it was copied, from one that somebody made up around the id of a session; of spent
// tokens nothing needs to be kept for that.
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
	nonceBytes    = 16              // of the secret; the rest of it is the mark
)

var errRefreshToken = errors.Sentinel("the text is not a refresh token")

// NewRefreshToken returns the first token of a session, whose family key is from [NewSeed]. Neither id may be the nil UUID:
// its text would not be read back.
func NewRefreshToken(tenantID, sessionID uuid.UUID, family []byte) RefreshToken {
	return RefreshToken{parts: opaque{tenant: tenantID, id: sessionID}}.marked(family, random(nonceBytes))
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
	return refreshText(t.parts.bytes())
}

func refreshText(raw []byte) string {
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

// Successor returns the next token of the family: the same ids, and for 128 bits HMAC-SHA256 of the text of t under seed. Who
// holds both can make it again, which is how a client whose answer was lost gets the same one a second time, although only the
// seed is stored. Who holds the token alone cannot, provided that each rotation has a seed of its own, from [NewSeed].
func (t RefreshToken) Successor(family, seed []byte) RefreshToken {
	return t.marked(family, keyed(seed, []byte(t.Reveal()))[:nonceBytes])
}

// Of reports whether t is of the family, in a time that does not depend on where its mark differs.
func (t RefreshToken) Of(family []byte) bool {
	genuine := t.marked(family, t.parts.secret[:nonceBytes])
	return subtle.ConstantTimeCompare(genuine.parts.secret[:], t.parts.secret[:]) == 1
}

// marked returns t with a nonce and the mark that belongs to it.
func (t RefreshToken) marked(family, nonce []byte) RefreshToken {
	copy(t.parts.secret[:], nonce)
	copy(t.parts.secret[nonceBytes:], keyed(family, t.parts.bytes()[:opaqueBytes-secretBytes+nonceBytes]))
	return t
}

func keyed(key, message []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(message)
	return mac.Sum(nil)
}

// NewSeed returns 32 random bytes, for the key of a family, or for one [RefreshToken.Successor].
func NewSeed() []byte { return random(secretBytes) }
