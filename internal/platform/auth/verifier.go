package auth

import (
	"context"
	"fmt"
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

const (
	maxLeeway        = time.Minute
	defaultCacheSize = 4096
)

// VerifierOptions says which tokens a [Verifier] takes.
type VerifierOptions struct {
	Issuer   string           // the only iss that is taken; required
	Audience string           // must be among aud; required
	Policy   *Policy          // says which roles there are; a token with another is refused; required
	Leeway   time.Duration    // clock skew forgiven in exp, nbf and iat: 0 to 60 s
	Now      func() time.Time // nil means [time.Now]

	// Revoked is asked at every call about every token that is good otherwise, whether it was seen before or not. Its
	// error is returned: a token is not let through because nobody could say. Nil means that tokens are not revoked.
	Revoked func(context.Context, Principal) (bool, error)

	// CacheSize bounds how many tokens are remembered, so that their signatures are checked once. Zero means 4096,
	// a negative number none.
	CacheSize int
}

// Verifier checks access tokens: JWTs (RFC 7519) in the profile of RFC 9068, by the rules of RFC 8725. It is safe for
// concurrent use.
type Verifier struct {
	ring    *Keyring
	options VerifierOptions
	seen    *cache
}

// NewVerifier returns a verifier for tokens signed by one of the keys that the ring holds at the time. It refuses to work
// without an issuer, an audience or a policy, or with a leeway outside of 0 to 60 seconds.
func NewVerifier(ring *Keyring, o VerifierOptions) (*Verifier, error) {
	switch {
	case ring.Keys() == nil:
		return nil, errors.Sentinel("a verifier of tokens needs keys")
	case o.Policy == nil:
		return nil, errors.Sentinel("a verifier of tokens needs a policy")
	case o.Issuer == "" || o.Audience == "":
		return nil, errors.Sentinel("a verifier of tokens needs an issuer and an audience")
	case o.Leeway < 0 || o.Leeway > maxLeeway:
		return nil, fmt.Errorf("the leeway must be between 0s and %s", maxLeeway)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.CacheSize == 0 {
		o.CacheSize = defaultCacheSize
	}
	return &Verifier{ring: ring, options: o, seen: newCache(o.CacheSize)}, nil
}

// Verify returns the principal of a token. A token that is refused gives AUTH_TOKEN_EXPIRED, AUTH_TOKEN_REVOKED or
// AUTH_TOKEN_INVALID; why is in the cause, for the log, and never holds text of the token. A token is called expired
// only when that is all that is wrong with it.
//
// What was verified is remembered by its SHA-256. A token that is seen again is not parsed again, but its times and that
// its key is still in use are checked, and Revoked is asked, every time.
func (v *Verifier) Verify(ctx context.Context, token string) (Principal, error) {
	accepted, refused := v.accept(token)
	if refused != "" {
		return Principal{}, refused.asError(accepted.principal.clone())
	}
	p := accepted.principal.clone() // the remembered one stays as it is, whatever the caller does
	if v.options.Revoked != nil {
		revoked, err := v.options.Revoked(ctx, p)
		if err != nil {
			return Principal{}, fmt.Errorf("find out whether a token is revoked: %w", err)
		}
		if revoked {
			return Principal{}, refusedRevoked.asError(p)
		}
	}
	return p, nil
}

// accepted is a token whose signature and claims are good, apart from the passing of time.
type accepted struct {
	principal           Principal
	notBefore, issuedAt time.Time
	key                 verificationKey
}

func (v *Verifier) accept(token string) (accepted, refusal) {
	if len(token) > maxTokenBytes {
		return accepted{}, refusedSize
	}
	keys, key := v.ring.Keys(), keyOf(token)
	a, seen := v.seen.get(key)
	if seen && !keys.holds(a.key) {
		v.seen.remove(key)
		seen = false
	}
	if !seen {
		var refused refusal
		if a, refused = v.parse(keys, token); refused != "" {
			return accepted{}, refused
		}
	}
	if refused := v.inTime(a); refused != "" {
		if refused == refusedExpired {
			v.seen.remove(key)
		}
		return a, refused
	}
	if !seen {
		v.seen.put(key, a)
	}
	return a, ""
}

// parse checks everything but the time, cheapest and least trusting first: nothing of the payload is read before the
// signature is known to be good.
func (v *Verifier) parse(keys *KeySet, token string) (accepted, refusal) {
	parts, refused := split(token)
	if refused != "" {
		return accepted{}, refused
	}
	key, refused := keys.keyFor(parts.header)
	if refused != "" {
		return accepted{}, refused
	}
	if err := key.method.Verify(parts.signed, parts.signature, key.public); err != nil {
		return accepted{}, refusedSignature
	}
	a, refused := v.read(parts.payload)
	a.key = key
	return a, refused
}

func (v *Verifier) inTime(a accepted) refusal {
	now, leeway := v.options.Now(), v.options.Leeway
	switch {
	case now.Add(leeway).Before(a.notBefore), now.Add(leeway).Before(a.issuedAt):
		return refusedEarly
	case !now.Add(-leeway).Before(a.principal.ExpiresAt):
		return refusedExpired
	}
	return ""
}
