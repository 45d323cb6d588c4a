package auth

import (
	"context"
	"net/http"
	"net/netip"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// HeaderAPIKey is the request header X-API-Key. Its canonical spelling avoids an allocation.
const HeaderAPIKey = "X-Api-Key" //nolint:gosec // the name of a header

// Authentication configures [Authenticate].
type Authentication struct {
	// Verifier verifies access tokens; required.
	Verifier *Verifier

	// APIKey returns the principal of a well-formed key. It rejects a key with
	// [ReasonAPIKeyUnknown], or with [ReasonAPIKeyExpired] or [ReasonAPIKeyRevoked] and the
	// principal, for the audit trail. Other errors are returned unchanged. Nil ignores API keys.
	APIKey func(context.Context, APIKey) (Principal, error)

	// Scope adds to ctx what follows from the principal, such as the tenant of its transactions.
	// Nil adds nothing.
	Scope func(context.Context, Principal) context.Context

	// OnRejected is called for every rejected credential, for an audit trail. Nil records nothing.
	OnRejected func(context.Context, Rejection)
}

// Authenticate returns middleware that requires exactly one valid credential: an access token in
// the Authorization header or an API key in X-API-Key. It adds the principal to the request's ctx
// (see [PrincipalFrom]), and its ids to the fields of later log lines.
//
// A request without a credential is an AUTH_REQUIRED. One with several is a VALIDATION_ERROR with
// the challenge invalid_request (RFC 6750, section 3.1), because choosing one would be a guess.
func Authenticate(a Authentication) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			p, fields, err := a.principal(r)
			if err != nil {
				return a.rejected(c, err)
			}
			ctx := fields.Bind(WithPrincipal(r.Context(), p))
			if a.Scope != nil {
				ctx = a.Scope(ctx, p)
			}
			c.SetRequest(r.WithContext(ctx))
			return next(c)
		}
	}
}

// principal returns the owner of the request's credential, and its log fields.
func (a *Authentication) principal(r *http.Request) (Principal, *logging.Bound, error) {
	token, reason := bearer(r.Header.Values(echo.HeaderAuthorization))
	if reason != "" {
		return Principal{}, nil, reason.reject(Principal{})
	}
	keys := r.Header.Values(HeaderAPIKey)
	if a.APIKey == nil || len(keys) == 1 && keys[0] == "" {
		keys = nil
	}
	switch {
	case len(keys) > 1 || len(keys) > 0 && token != "":
		return Principal{}, nil, reasonSeveral.reject(Principal{})
	case len(keys) > 0:
		p, err := a.keyOwner(r.Context(), keys[0])
		return p, logging.NewBound(p.fields()...), err
	case token != "":
		return a.Verifier.verifyBound(r.Context(), token)
	}
	return Principal{}, nil, errors.New(errors.CodeAuthRequired, "")
}

func (a *Authentication) keyOwner(ctx context.Context, text string) (Principal, error) {
	key, err := ParseAPIKey(text)
	if err != nil {
		return Principal{}, reasonMalformedKey.reject(Principal{})
	}
	p, err := a.APIKey(ctx, key)
	if reason, ok := errors.AsType[Reason](err); ok {
		return Principal{}, reason.reject(p)
	}
	return p, err
}

// rejected reports err if it is the rejection of a credential. A failed revocation check is none.
func (a *Authentication) rejected(c echo.Context, err error) error {
	rejection, ok := errors.AsType[*Rejection](err)
	if !ok {
		return err
	}
	if rejection.Reason == reasonSeveral {
		c.Response().Header().Set(echo.HeaderWWWAuthenticate, `Bearer error="invalid_request"`)
	}
	if a.OnRejected != nil {
		a.OnRejected(c.Request().Context(), *rejection)
	}
	return err
}

// fields returns the ids of the principal as log fields.
func (p Principal) fields() []logging.Field {
	fields := make([]logging.Field, 0, 4)
	for _, id := range []struct {
		name string
		id   uuid.UUID
	}{{"tenant_id", p.TenantID}, {"user_id", p.UserID}, {"session_id", p.SessionID}, {"api_key_id", p.APIKeyID}} {
		if id.id != uuid.Nil {
			fields = append(fields, logging.String(id.name, id.id.String()))
		}
	}
	return fields
}

// bearer returns the token in the values of the Authorization header (RFC 6750, section 2.1). It is
// empty without a header, with an empty one, and for another scheme.
func bearer(values []string) (string, Reason) {
	if len(values) > 1 {
		return "", reasonSeveral
	}
	if len(values) == 0 || values[0] == "" {
		return "", ""
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", ""
	}
	if token == "" || strings.IndexByte(token, ' ') >= 0 || strings.IndexByte(token, '\t') >= 0 {
		return "", reasonHeader
	}
	return token, ""
}

// Denial is a request that its principal has no permission for, for the audit trail.
type Denial struct {
	Permission Permission // the missing one
	Route      string     // the method and the pattern of the path, such as PATCH /v1/users/:id
	Reason     string     // missing_permission, outside_scope if the roles would allow it, or another
	Principal  Principal
}

// Require returns middleware, to follow [Authenticate], that requires a permission. A request
// without a principal is an AUTH_REQUIRED, one without the permission a PERMISSION_DENIED.
//
// onDenied is called for every denial, for an audit trail. Nil records nothing.
func Require(policy *Policy, permission Permission, onDenied func(context.Context, Denial)) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			ctx := c.Request().Context()
			p, ok := PrincipalFrom(ctx)
			if !ok {
				return errors.New(errors.CodeAuthRequired, "")
			}
			if policy.Allows(p, permission) {
				return next(c)
			}
			if onDenied != nil {
				denial := Denial{permission, c.Request().Method + " " + c.Path(), "missing_permission", p}
				if policy.Can(p.Roles, permission) {
					denial.Reason = "outside_scope"
				}
				onDenied(ctx, denial)
			}
			return errors.PermissionDenied(string(permission))
		}
	}
}

// Network returns what counts as one client where failures or requests are limited: the /64 network
// of an IPv6 address, since a client usually owns all of it, or the IPv4 address. It returns the
// zero Addr for a text that is no address.
func Network(remoteIP string) netip.Addr {
	addr, _ := netip.ParseAddr(remoteIP) // the zero Addr with an error
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		return netip.PrefixFrom(addr, 64).Masked().Addr()
	}
	return addr
}
