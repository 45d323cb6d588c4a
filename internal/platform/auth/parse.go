package auth

import (
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	maxTokenBytes = 8 << 10
	maxKeyIDBytes = 256
	maxUnix       = 253402300799 // the last second of the year 9999: what RFC 3339 can still write
)

type segments struct {
	header, payload, signature []byte
	signed                     string // what the signature is over
}

// strict refuses padding and set bits after the last byte. Like every decoder of the package it skips line breaks, which
// is why split looks for them first: one token must have one spelling.
var strict = base64.RawURLEncoding.Strict()

func split(token string) (segments, refusal) {
	if strings.ContainsAny(token, "\r\n") {
		return segments{}, refusedLineBreak
	}
	header, rest, ok := strings.Cut(token, ".")
	payload, signature, ok2 := strings.Cut(rest, ".")
	if !ok || !ok2 || header == "" || payload == "" || signature == "" || strings.Contains(signature, ".") {
		return segments{}, refusedSegments
	}
	s := segments{signed: token[:len(header)+1+len(payload)]}
	for _, part := range []struct {
		to   *[]byte
		text string
	}{{&s.header, header}, {&s.payload, payload}, {&s.signature, signature}} {
		decoded, err := strict.DecodeString(part.text)
		if err != nil {
			return segments{}, refusedEncoding
		}
		*part.to = decoded
	}
	return s, ""
}

// tokenHeader is the JOSE header (RFC 7515, section 4). The raw members must not be there at all, null included. Unknown
// members are ignored, as the RFC asks.
type tokenHeader struct {
	Algorithm string         `json:"alg"`
	Type      string         `json:"typ"`
	KeyID     string         `json:"kid"`
	Critical  jsontext.Value `json:"crit"`
	JWK       jsontext.Value `json:"jwk"`
	JWKSetURL jsontext.Value `json:"jku"`
	CertURL   jsontext.Value `json:"x5u"`
	Certs     jsontext.Value `json:"x5c"`
}

// keyFor returns the key that the header names, if the token may be checked with it. A key that a token brings along, or
// points to, is refused, not ignored: nobody who means well sends one.
func (s *KeySet) keyFor(raw []byte) (verificationKey, refusal) {
	var h tokenHeader
	if err := json.Unmarshal(raw, &h); err != nil {
		return verificationKey{}, refusedHeaderJSON
	}
	switch {
	case h.Critical != nil:
		return verificationKey{}, refusedCritical
	case h.JWK != nil || h.JWKSetURL != nil || h.CertURL != nil || h.Certs != nil:
		return verificationKey{}, refusedForeignKey
	case !strings.EqualFold(h.Type, tokenType) && !strings.EqualFold(h.Type, "application/"+tokenType):
		return verificationKey{}, refusedType
	case len(h.KeyID) > maxKeyIDBytes:
		return verificationKey{}, refusedKeyID
	}
	key, known := s.byID[h.KeyID]
	if !known {
		return verificationKey{}, refusedKey
	}
	if h.Algorithm != string(key.algorithm) {
		return verificationKey{}, refusedAlgorithm
	}
	return key, ""
}

// read checks the claims of a payload whose signature is good. A time that is no whole number of seconds is refused.
func (v *Verifier) read(payload []byte) (accepted, refusal) {
	var c claims
	if err := json.Unmarshal(payload, &c); err != nil {
		return accepted{}, refusedClaims
	}
	if c.ID == "" {
		return accepted{}, refusedMissing
	}
	for _, seconds := range []int64{c.Expires, c.NotBefore, c.IssuedAt} {
		if seconds == 0 {
			return accepted{}, refusedMissing
		}
		if seconds < 0 || seconds > maxUnix {
			return accepted{}, refusedClaims
		}
	}
	user, userOK := parseID(c.Subject)
	tenant, tenantOK := parseID(c.Tenant)
	session, generation, sessionOK := c.session()
	switch {
	case c.Issuer != v.options.Issuer:
		return accepted{}, refusedIssuer
	case !slices.Contains(c.Audience, v.options.Audience):
		return accepted{}, refusedAudience
	case !userOK:
		return accepted{}, refusedSubject
	case !tenantOK:
		return accepted{}, refusedTenant
	case slices.ContainsFunc(c.Roles, func(r Role) bool { return !v.options.Policy.Valid(r) }):
		return accepted{}, refusedRole
	case !sessionOK:
		return accepted{}, refusedSession
	}
	return accepted{
		principal: Principal{
			UserID: user, TenantID: tenant, Roles: c.Roles, SessionID: session, Generation: generation,
			TokenID: c.ID, ExpiresAt: time.Unix(c.Expires, 0).UTC(),
		},
		notBefore: time.Unix(c.NotBefore, 0),
		issuedAt:  time.Unix(c.IssuedAt, 0),
	}, ""
}
