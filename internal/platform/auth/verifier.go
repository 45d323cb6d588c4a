package auth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

const (
	maxLeeway     = time.Minute
	maxTokenBytes = 8 << 10
	maxKeyIDBytes = 256
	maxUnix       = 253402300799 // the last second of the year 9999, the largest that RFC 3339 can write
)

// VerifierOptions says which tokens a [Verifier] accepts.
type VerifierOptions struct {
	Issuer   string        // the only accepted iss; required
	Audience string        // must be among aud; required
	Policy   *Policy       // defines the roles; a token with an unknown role is rejected; required
	Leeway   time.Duration // allowed clock skew in exp, nbf and iat: 0 to 60 s

	// Revoked is called for every token that is otherwise valid, on every call, cached or not.
	// Verify returns its error: a token whose revocation is unknown does not pass. Nil means that
	// tokens cannot be revoked.
	Revoked func(context.Context, Principal) (bool, error)
}

// Verifier verifies access tokens: JWTs (RFC 7519) in the profile of RFC 9068, by the rules of RFC
// 8725. It is safe for concurrent use.
type Verifier struct {
	ring    *Keyring
	options VerifierOptions
	cache   cache
	now     func() time.Time
}

// NewVerifier returns a verifier that uses the keys in ring at the time of each call. An empty
// issuer or audience, which would disable a check, is an error.
func NewVerifier(ring *Keyring, o VerifierOptions) (*Verifier, error) {
	switch {
	case ring.Keys() == nil:
		return nil, errors.Sentinel("auth: a verifier needs keys")
	case o.Policy == nil:
		return nil, errors.Sentinel("auth: a verifier needs a policy")
	case o.Issuer == "" || o.Audience == "":
		return nil, errors.Sentinel("auth: a verifier needs an issuer and an audience")
	case o.Leeway < 0 || o.Leeway > maxLeeway:
		return nil, fmt.Errorf("auth: the leeway of a verifier must be between 0s and %s", maxLeeway)
	}
	return &Verifier{
		ring: ring, options: o, now: time.Now,
		cache: cache{generation: cacheGeneration, recent: map[tokenHash]verified{}},
	}, nil
}

// Verify returns the principal of a token. A rejected token is an AUTH_TOKEN_EXPIRED,
// AUTH_TOKEN_REVOKED or AUTH_TOKEN_INVALID whose cause is a [*Rejection]. A token that is invalid
// for another reason is never reported as expired.
//
// A token in the cache is not parsed again, but its times, its key and its revocation are checked
// on every call.
func (v *Verifier) Verify(ctx context.Context, token string) (Principal, error) {
	p, _, err := v.verifyBound(ctx, token)
	return p, err
}

// verifyBound is Verify and also returns the log fields of the principal.
func (v *Verifier) verifyBound(ctx context.Context, token string) (Principal, *logging.Bound, error) {
	t, reason := v.verify(token)
	p := t.principal.clone() // the cached principal must not change with the caller's
	if reason != "" {
		return Principal{}, nil, reason.reject(p)
	}
	if v.options.Revoked != nil {
		revoked, err := v.options.Revoked(ctx, p)
		if err != nil {
			return Principal{}, nil, fmt.Errorf("check whether a token is revoked: %w", err)
		}
		if revoked {
			return Principal{}, nil, reasonRevoked.reject(p)
		}
	}
	return p, t.fields, nil
}

// verified is a token with a valid signature and valid claims. Its times may not be.
type verified struct {
	principal Principal
	fields    *logging.Bound // of the principal
	validFrom time.Time      // the later of nbf and iat
	key       verificationKey
}

// verify is Verify without the revocation check. It also returns a token that is expired or early.
func (v *Verifier) verify(token string) (verified, Reason) {
	if len(token) > maxTokenBytes {
		return verified{}, reasonSize
	}
	var short [1024]byte // spares a copy of the usual token on the heap
	keys, hash := v.ring.Keys(), tokenHash(sha256.Sum256(append(short[:0], token...)))
	t, cached := v.cache.get(hash)
	if cached && !keys.holds(t.key) {
		v.cache.remove(hash)
		cached = false
	}
	if !cached {
		var reason Reason
		if t, reason = v.parse(keys, token); reason != "" {
			return verified{}, reason
		}
	}
	reason := v.checkTime(t)
	switch {
	case reason == ReasonExpired:
		v.cache.remove(hash)
	case reason == "" && !cached:
		v.cache.put(hash, t)
	}
	return t, reason
}

func (v *Verifier) checkTime(t verified) Reason {
	now, leeway := v.now(), v.options.Leeway
	switch {
	case now.Add(leeway).Before(t.validFrom):
		return reasonEarly
	case !now.Add(-leeway).Before(t.principal.ExpiresAt):
		return ReasonExpired
	}
	return ""
}

// parse checks everything but the time. Cheap checks come first, and nothing of the payload is read
// before its signature is verified.
func (v *Verifier) parse(keys *KeySet, token string) (verified, Reason) {
	parts, reason := split(token)
	if reason != "" {
		return verified{}, reason
	}
	key, reason := keys.keyFor(parts.header)
	if reason != "" {
		return verified{}, reason
	}
	if err := key.method.Verify(parts.signed, parts.signature, key.public); err != nil {
		return verified{}, reasonSignature
	}
	t, reason := v.readClaims(parts.payload)
	t.key = key
	return t, reason
}

type segments struct {
	header, payload, signature []byte
	signed                     string // the text that the signature covers
}

// strict rejects padding and trailing bits. Like every decoder of encoding/base64 it skips line
// breaks.
var strict = base64.RawURLEncoding.Strict()

// split decodes the segments of a token, of which it accepts only one spelling.
func split(token string) (s segments, reason Reason) {
	if strings.ContainsAny(token, "\r\n") {
		return s, reasonLineBreak
	}
	header, rest, _ := strings.Cut(token, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	if header == "" || payload == "" || signature == "" || strings.Contains(signature, ".") {
		return s, reasonSegments
	}
	s.signed = token[:len(header)+1+len(payload)]
	parts := [...]string{header, payload, signature}
	for i, decoded := range []*[]byte{&s.header, &s.payload, &s.signature} {
		var err error
		if *decoded, err = strict.DecodeString(parts[i]); err != nil {
			return s, reasonEncoding
		}
	}
	return s, ""
}

// tokenHeader is the JOSE header (RFC 7515, section 4). Unknown members are ignored, as the RFC
// requires. The raw members must be absent; null counts as present.
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

// keyFor returns the key that a token header names. A key in the header, or the address of one, is
// not ignored but rejected: only an attacker sends one.
func (s *KeySet) keyFor(header []byte) (verificationKey, Reason) {
	var h tokenHeader
	if err := json.Unmarshal(header, &h); err != nil {
		return verificationKey{}, reasonHeaderJSON
	}
	switch {
	case h.Critical != nil:
		return verificationKey{}, reasonCritical
	case h.JWK != nil || h.JWKSetURL != nil || h.CertURL != nil || h.Certs != nil:
		return verificationKey{}, reasonForeignKey
	case !strings.EqualFold(h.Type, tokenType) && !strings.EqualFold(h.Type, "application/"+tokenType):
		return verificationKey{}, reasonType
	case len(h.KeyID) > maxKeyIDBytes:
		return verificationKey{}, reasonKeyID
	}
	key, known := s.byID[h.KeyID]
	if !known {
		return verificationKey{}, reasonUnknownKey
	}
	if h.Algorithm != string(key.algorithm) {
		return verificationKey{}, reasonAlgorithm
	}
	return key, ""
}

// readClaims checks the claims of a verified payload. Times must be whole seconds.
func (v *Verifier) readClaims(payload []byte) (verified, Reason) {
	var c claims
	if err := json.Unmarshal(payload, &c); err != nil {
		return verified{}, reasonClaims
	}
	if c.ID == "" {
		return verified{}, reasonMissing
	}
	for _, seconds := range []int64{c.Expires, c.NotBefore, c.IssuedAt} {
		if seconds == 0 {
			return verified{}, reasonMissing
		}
		if seconds < 0 || seconds > maxUnix {
			return verified{}, reasonClaims
		}
	}
	user, userOK := parseID(c.Subject)
	tenant, tenantOK := parseID(c.Tenant)
	session, generation, sessionOK := c.session()
	switch {
	case c.Issuer != v.options.Issuer:
		return verified{}, reasonIssuer
	case !slices.Contains(c.Audience, v.options.Audience):
		return verified{}, reasonAudience
	case !userOK:
		return verified{}, reasonSubject
	case !tenantOK:
		return verified{}, reasonTenant
	case slices.ContainsFunc(c.Roles, func(r Role) bool { return !v.options.Policy.Valid(r) }):
		return verified{}, reasonRole
	case !sessionOK:
		return verified{}, reasonSession
	}
	p := Principal{
		UserID: user, TenantID: tenant, Roles: c.Roles, SessionID: session, Generation: generation,
		TokenID: c.ID, ExpiresAt: time.Unix(c.Expires, 0).UTC(),
	}
	return verified{
		principal: p, fields: logging.NewBound(p.fields()...), validFrom: time.Unix(max(c.NotBefore, c.IssuedAt), 0),
	}, ""
}

// tokenHash is the SHA-256 of a token: the cache holds no usable token, and a client cannot provoke
// collisions.
type tokenHash [sha256.Size]byte

// cacheGeneration is half the number of tokens that a cache holds.
const cacheGeneration = 2048

// cache holds verified tokens in two generations. A token that is used moves to the new generation.
// When that is full, the old one is dropped as a whole. This approximates least recently used.
type cache struct {
	mu          sync.Mutex
	generation  int
	recent, old map[tokenHash]verified
}

func (c *cache) get(h tokenHash) (verified, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t, ok := c.recent[h]; ok {
		return t, true
	}
	t, ok := c.old[h]
	if ok {
		c.add(h, t)
	}
	return t, ok
}

func (c *cache) put(h tokenHash, t verified) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(h, t)
}

func (c *cache) remove(h tokenHash) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.recent, h)
	delete(c.old, h)
}

func (c *cache) add(h tokenHash, t verified) {
	if len(c.recent) >= c.generation {
		c.old, c.recent = c.recent, make(map[tokenHash]verified, c.generation)
	}
	c.recent[h] = t
}

// Rejection is a rejected credential, for the audit trail. It is the cause of the error that the
// client gets, whose code says only whether the credential is expired, revoked or invalid.
type Rejection struct {
	Reason

	// Principal is the owner of the credential. It is zero unless the service issued the
	// credential: the content of a forged one proves nothing.
	Principal Principal
}

// Reason says why a credential is rejected. It is a fixed word for the audit trail and never holds
// a part of the credential. It is an error so that [Authentication].APIKey can return it.
type Reason string

// Error returns the reason as text.
func (r Reason) Error() string { return string(r) }

// The reasons that other packages return or compare.
const (
	ReasonExpired       Reason = "expired"
	ReasonAPIKeyUnknown Reason = "unknown_api_key"
	ReasonAPIKeyExpired Reason = "expired_api_key"
	ReasonAPIKeyRevoked Reason = "revoked_api_key"
)

const (
	reasonHeader       Reason = "malformed_authorization_header"
	reasonSeveral      Reason = "several_credentials"
	reasonMalformedKey Reason = "malformed_api_key"

	reasonSize       Reason = "token_too_long"
	reasonLineBreak  Reason = "line_break"
	reasonSegments   Reason = "not_three_segments"
	reasonEncoding   Reason = "bad_base64url"
	reasonHeaderJSON Reason = "bad_token_header"
	reasonCritical   Reason = "critical_header"
	reasonForeignKey Reason = "key_in_header"
	reasonType       Reason = "wrong_token_type"
	reasonKeyID      Reason = "key_id_too_long"
	reasonUnknownKey Reason = "unknown_key"
	reasonAlgorithm  Reason = "wrong_algorithm"
	reasonSignature  Reason = "bad_signature"
	reasonClaims     Reason = "bad_claims"
	reasonMissing    Reason = "missing_claim"
	reasonIssuer     Reason = "wrong_issuer"
	reasonAudience   Reason = "wrong_audience"
	reasonSubject    Reason = "bad_subject"
	reasonTenant     Reason = "bad_tenant"
	reasonRole       Reason = "unknown_role"
	reasonSession    Reason = "bad_session"
	reasonEarly      Reason = "not_yet_valid"
	reasonRevoked    Reason = "revoked"
)

// Audited marks the error as one that an audit event reports, for [logging.Logger.Exception].
func (Rejection) Audited() {}

// reject returns the error for the client, with a [*Rejection] of p's credential as its cause.
func (r Reason) reject(p Principal) error {
	cause := &Rejection{Reason: r, Principal: p}
	switch r {
	case ReasonExpired:
		return errors.Wrap(cause, errors.CodeTokenExpired, "")
	case reasonRevoked:
		return errors.Wrap(cause, errors.CodeTokenRevoked, "")
	case ReasonAPIKeyExpired:
		return errors.Wrap(cause, errors.CodeTokenExpired, "The API key has expired")
	case ReasonAPIKeyRevoked:
		return errors.Wrap(cause, errors.CodeTokenRevoked, "The API key has been revoked")
	case reasonMalformedKey, ReasonAPIKeyUnknown:
		return errors.Wrap(cause, errors.CodeTokenInvalid, "The API key is not valid")
	case reasonSeveral:
		return errors.Wrap(cause, errors.CodeValidation, "A request must have one credential, once").
			With("fields", []errors.FieldError{
				{Field: "Authorization", Rule: "single", Message: "must be the only credential, once"},
			})
	default:
		return errors.Wrap(cause, errors.CodeTokenInvalid, "")
	}
}
