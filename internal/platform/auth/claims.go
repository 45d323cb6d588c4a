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
	Tenant    string   `json:"tid"`
	Roles     []Role   `json:"roles"`
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
