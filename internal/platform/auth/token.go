package auth

import (
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

const tokenType = "at+jwt" // RFC 9068, section 2.1

// claims is the payload of an access token (RFC 9068, section 2.2). JSON v2 matches names by exact
// case and rejects duplicates. A time is in whole seconds since 1970, zero if missing.
type claims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  audience `json:"aud"`
	Expires   int64    `json:"exp"`
	NotBefore int64    `json:"nbf"`
	IssuedAt  int64    `json:"iat"`
	ID        string   `json:"jti"`
	ClientID  string   `json:"client_id"`
	Tenant    string   `json:"tenant_id"`
	Roles     []Role   `json:"roles"`

	// A token of a session has both, any other token has neither.
	Session    string `json:"sid,omitzero"`
	Generation *int64 `json:"gen,omitzero"`
}

// session returns the session of the token, zero for none, and whether the claims about it are
// valid.
func (c *claims) session() (id uuid.UUID, generation int64, ok bool) {
	if c.Session == "" && c.Generation == nil {
		return uuid.Nil, 0, true
	}
	if c.Generation == nil || *c.Generation < 0 {
		return uuid.Nil, 0, false
	}
	id, ok = parseID(c.Session)
	return id, *c.Generation, ok
}

// audience is a string or a list of strings (RFC 7519, section 4.1.3).
type audience []string

// UnmarshalJSONFrom accepts both forms.
func (a *audience) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	switch dec.PeekKind() {
	case jsontext.KindBeginArray:
		return json.UnmarshalDecode(dec, (*[]string)(a))
	case jsontext.KindString:
		one, err := dec.ReadToken()
		*a = audience{one.String()}
		return err
	default:
		return errors.Sentinel("aud must be a string or a list of strings")
	}
}

// parseID accepts the canonical form only. [uuid.Parse] accepts others.
func parseID(text string) (uuid.UUID, bool) {
	const canonical = 36
	if len(text) != canonical {
		return uuid.Nil, false
	}
	id, err := uuid.Parse(text)
	return id, err == nil && id != uuid.Nil
}

// IssuerOptions configures an [Issuer].
type IssuerOptions struct {
	Issuer   string        // iss, and client_id: the service is its own client; required
	Audience string        // aud; required
	Policy   *Policy       // defines the roles; required
	TTL      time.Duration // lifetime of a token in whole seconds, at least one
}

// Issuer issues access tokens. It is safe for concurrent use.
type Issuer struct {
	ring    *Keyring
	options IssuerOptions
	now     func() time.Time
}

// NewIssuer returns an issuer that signs with the signing key in ring at the time of each call. All
// options are required: a token without an issuer or an audience could belong to another service,
// one with an unknown role would not verify, and one without a lifetime would never expire.
func NewIssuer(ring *Keyring, o IssuerOptions) (*Issuer, error) {
	switch {
	case ring.Keys() == nil:
		return nil, errors.Sentinel("auth: an issuer needs keys")
	case o.Policy == nil:
		return nil, errors.Sentinel("auth: an issuer needs a policy")
	case o.Issuer == "" || o.Audience == "":
		return nil, errors.Sentinel("auth: an issuer needs an issuer name and an audience")
	case o.TTL < time.Second:
		return nil, errors.Sentinel("auth: the lifetime of a token must be at least 1s")
	}
	return &Issuer{ring: ring, options: o, now: time.Now}, nil
}

// IssueUntil returns a token for p and the time at which it expires: after the lifetime of tokens,
// but no later than end unless end is zero. A principal without a user or a tenant, with an unknown
// role, with a generation that is negative or has no session, with scopes or with an API key is an
// error. TokenID and ExpiresAt of p are not used.
func (i *Issuer) IssueUntil(p Principal, end time.Time) (token string, expires time.Time, err error) {
	switch {
	case p.UserID == uuid.Nil || p.TenantID == uuid.Nil:
		return "", time.Time{}, errors.Sentinel("auth: an access token needs a user and a tenant")
	case slices.ContainsFunc(p.Roles, func(r Role) bool { return !i.options.Policy.Valid(r) }):
		return "", time.Time{}, errors.Sentinel("auth: an access token can have known roles only")
	case p.Generation < 0 || p.Generation > 0 && p.SessionID == uuid.Nil:
		return "", time.Time{}, errors.Sentinel("auth: a generation needs a session and must not be negative")
	case p.Scopes != nil || p.APIKeyID != uuid.Nil:
		return "", time.Time{}, errors.Sentinel("auth: an access token cannot be issued for an API key or with scopes")
	}
	id, err := uuid.NewV7()
	if err != nil {
		return "", time.Time{}, fmt.Errorf("generate a token id: %w", err)
	}
	now := i.now().Truncate(time.Second)
	expires = now.Add(i.options.TTL)
	if !end.IsZero() && end.Before(expires) {
		expires = end
	}
	expires = expires.Truncate(time.Second).UTC()
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

// sign returns the claims as a token. The header needs no escaping.
func (s *KeySet) sign(c claims) (string, error) {
	payload, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("encode the claims: %w", err)
	}
	header := fmt.Appendf(nil, `{"alg":"%s","typ":"%s","kid":"%s"}`, s.signing.algorithm, tokenType, s.signing.id)
	signed := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(payload)
	signature, err := s.signing.method.Sign(signed, s.private)
	if err != nil {
		return "", fmt.Errorf("sign the token: %w", err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}
