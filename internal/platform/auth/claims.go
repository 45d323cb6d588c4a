package auth

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// claims is the payload of an access token (RFC 9068, section 2.2). Decoded with json v2, names match by exact case and
// duplicates are errors. A time is whole seconds since 1970; zero stands for a missing one, which no valid token has.
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

	// Of the session, if the token belongs to one: both or none.
	Session    string `json:"sid,omitzero"`
	Generation *int64 `json:"gen,omitzero"`
}

// session returns the session that the token belongs to, zeros for none, and whether the claims about it are in order.
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

var errAudience = errors.Sentinel("aud must be a string or a list of strings")

// audience is one string or a list of them (RFC 7519, section 4.1.3).
type audience []string

// UnmarshalJSONFrom reads either form and refuses every other.
func (a *audience) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	kind := dec.PeekKind()
	if kind == jsontext.KindBeginArray {
		return json.UnmarshalDecode(dec, (*[]string)(a))
	}
	if kind != jsontext.KindString {
		return errAudience
	}
	one, err := dec.ReadToken()
	*a = audience{one.String()}
	return err
}

// parseID takes the 36 character form only: [uuid.Parse] also reads braces, a urn prefix and missing hyphens.
func parseID(text string) (uuid.UUID, bool) {
	const canonical = 36
	if len(text) != canonical {
		return uuid.Nil, false
	}
	id, err := uuid.Parse(text)
	return id, err == nil && id != uuid.Nil
}
