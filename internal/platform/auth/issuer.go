package auth

import (
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

const tokenType = "at+jwt" // RFC 9068, section 2.1

// IssuerOptions says what every token of an [Issuer] has in common.
type IssuerOptions struct {
	Issuer   string           // iss, and client_id: the service is its own client; required
	Audience string           // aud; required
	TTL      time.Duration    // life of a token, at least a second, in whole seconds
	Now      func() time.Time // nil means [time.Now]
}

// Issuer makes access tokens. It is safe for concurrent use.
type Issuer struct {
	keys    *KeySet
	options IssuerOptions
	header  string // encoded, the same for every token
}

// NewIssuer returns an issuer that signs with the signing key of keys. It refuses to work without an issuer, an audience
// or a time to live: such tokens could not be told from those of another service, or would never end.
func NewIssuer(keys *KeySet, o IssuerOptions) (*Issuer, error) {
	switch {
	case keys == nil:
		return nil, errors.Sentinel("an issuer of tokens needs keys")
	case o.Issuer == "" || o.Audience == "":
		return nil, errors.Sentinel("an issuer of tokens needs an issuer and an audience")
	case o.TTL < time.Second:
		return nil, errors.Sentinel("tokens must live for a second at least")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	header, err := json.Marshal(struct {
		Algorithm Algorithm `json:"alg"`
		Type      string    `json:"typ"`
		KeyID     string    `json:"kid"`
	}{keys.signing.algorithm, tokenType, keys.signing.id})
	if err != nil {
		return nil, fmt.Errorf("encode the token header: %w", err)
	}
	return &Issuer{keys: keys, options: o, header: base64.RawURLEncoding.EncodeToString(header)}, nil
}

// Issue returns a token for p and the time at which it ends. The id and the end that p itself carries are not used. A
// principal without user or tenant, or with an unknown role, is an error.
func (i *Issuer) Issue(p Principal) (token string, expires time.Time, err error) {
	if p.UserID == uuid.Nil || p.TenantID == uuid.Nil {
		return "", time.Time{}, errors.Sentinel("a token needs a user and a tenant")
	}
	if slices.ContainsFunc(p.Roles, func(r Role) bool { return !r.Valid() }) {
		return "", time.Time{}, errors.Sentinel("a token can hold known roles only")
	}
	id, err := uuid.NewV7()
	if err != nil {
		return "", time.Time{}, fmt.Errorf("make a token id: %w", err)
	}
	now := i.options.Now().Truncate(time.Second)
	expires = now.Add(i.options.TTL).Truncate(time.Second).UTC()
	token, err = i.sign(claims{
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
	})
	return token, expires, err
}

func (i *Issuer) sign(c claims) (string, error) {
	payload, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("encode the claims: %w", err)
	}
	signed := i.header + "." + base64.RawURLEncoding.EncodeToString(payload)
	signature, err := i.keys.signing.method.Sign(signed, i.keys.private)
	if err != nil {
		return "", fmt.Errorf("sign the token: %w", err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}
