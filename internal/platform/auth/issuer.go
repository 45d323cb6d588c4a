package auth

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// IssuerOptions says what every token of an [Issuer] has in common.
type IssuerOptions struct {
	Issuer   string           // iss, and client_id: the service is its own client; required
	Audience string           // aud; required
	Policy   *Policy          // says which roles there are; required
	TTL      time.Duration    // life of a token, at least a second, in whole seconds
	Now      func() time.Time // nil means [time.Now]
}

// Issuer makes access tokens. It is safe for concurrent use.
type Issuer struct {
	ring    *Keyring
	options IssuerOptions
}

// NewIssuer returns an issuer that signs with the signing key that the ring holds at the time. It refuses to work without
// an issuer, an audience, a policy or a time to live: its tokens could not be told from those of another service, would
// hold roles that nobody knows, or would never end.
func NewIssuer(ring *Keyring, o IssuerOptions) (*Issuer, error) {
	switch {
	case ring.Keys() == nil:
		return nil, errors.Sentinel("an issuer of tokens needs keys")
	case o.Policy == nil:
		return nil, errors.Sentinel("an issuer of tokens needs a policy")
	case o.Issuer == "" || o.Audience == "":
		return nil, errors.Sentinel("an issuer of tokens needs an issuer and an audience")
	case o.TTL < time.Second:
		return nil, errors.Sentinel("tokens must live for a second at least")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Issuer{ring: ring, options: o}, nil
}

// Issue returns a token for p and the time at which it ends. A principal without user or tenant, with an unknown role, a
// negative generation, or a generation but no session is an error, and so is one with scopes or an API key, which no token
// can express. The id and the end that p itself carries are not used.
func (i *Issuer) Issue(p Principal) (token string, expires time.Time, err error) {
	return i.IssueUntil(p, time.Time{})
}

// IssueUntil is [Issuer.Issue] for a token that ends no later than end, such as that of a session which is about to end. The zero
// end is none.
func (i *Issuer) IssueUntil(p Principal, end time.Time) (token string, expires time.Time, err error) {
	if p.UserID == uuid.Nil || p.TenantID == uuid.Nil {
		return "", time.Time{}, errors.Sentinel("a token needs a user and a tenant")
	}
	if slices.ContainsFunc(p.Roles, func(r Role) bool { return !i.options.Policy.Valid(r) }) {
		return "", time.Time{}, errors.Sentinel("a token can hold known roles only")
	}
	if p.Generation < 0 || p.Generation > 0 && p.SessionID == uuid.Nil {
		return "", time.Time{}, errors.Sentinel("the generation of a token is that of its session, and not negative")
	}
	if p.Scopes != nil || p.APIKeyID != uuid.Nil {
		return "", time.Time{}, errors.Sentinel("a token is for a user, not for an API key")
	}
	id, err := uuid.NewV7()
	if err != nil {
		return "", time.Time{}, fmt.Errorf("make a token id: %w", err)
	}
	now := i.options.Now().Truncate(time.Second)
	expires = now.Add(i.options.TTL).Truncate(time.Second).UTC()
	if !end.IsZero() && end.Before(expires) {
		expires = end.Truncate(time.Second).UTC()
	}
	c := claims{
		Issuer:    i.options.Issuer,
		Subject:   p.UserID.String(),
		Audience:  audience{i.options.Audience},
		Expires:   expires.Unix(),
		NotBefore: now.Unix(),
		IssuedAt:  now.Unix(),
		ID:        id.String(),
		ClientID:  i.options.Issuer,
		Tenant:    p.TenantID.String(),
		Roles:     p.Roles,
	}
	if p.SessionID != uuid.Nil {
		c.Session, c.Generation = p.SessionID.String(), &p.Generation
	}
	token, err = i.ring.Keys().sign(c)
	return token, expires, err
}
