package auth

import (
	"context"
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

var log = logging.For()

// HeaderAPIKey is the request header that holds an API key: X-API-Key in its canonical form, which costs nothing to look up.
const HeaderAPIKey = "X-Api-Key" //nolint:gosec // the name of a header

// Authentication says how [Authenticate] finds out who a request comes from.
type Authentication struct {
	// Verifier checks access tokens; required.
	Verifier *Verifier

	// APIKey returns the principal of a key that reads well. For one that it refuses it returns [ErrAPIKeyUnknown],
	// [ErrAPIKeyExpired] or [ErrAPIKeyRevoked], and with the latter two the principal, for the audit trail. Any other error
	// is returned as it is. Nil means that there are no API keys; the header is then ignored.
	APIKey func(context.Context, APIKey) (Principal, error)

	// Optional lets requests without a credential through, without a principal. A bad credential is refused all the same.
	Optional bool

	// OnRejected is told of every credential that is refused, in place of the audit line token_rejected, for a service that
	// keeps a trail of its own. Nil writes that line to Log.
	OnRejected func(context.Context, Rejection)

	// Log is where token_rejected goes. Zero means the package's own.
	Log logging.Logger
}

// Authenticate lets a request through only with one good credential: an access token in the Authorization header or an API
// key in X-API-Key, and from nowhere else. The principal goes into the request's ctx (see [PrincipalFrom]), and its
// tenant_id, user_id and session_id or api_key_id into every later log line of it.
//
// Without a credential the answer is AUTH_REQUIRED. With several, or with both kinds, it is a VALIDATION_ERROR with the
// challenge invalid_request, as RFC 6750, section 3.1 asks: which of them counts would be a guess. A credential that is
// refused is audited with the reason and the address, never with the credential.
func Authenticate(a Authentication) echo.MiddlewareFunc {
	if a.Log.IsZero() {
		a.Log = log
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			p, found, err := a.principal(c.Request())
			if err != nil {
				return a.rejected(c, err, p)
			}
			if !found && a.Optional {
				return next(c)
			}
			if !found {
				return errors.New(errors.CodeAuthRequired, "")
			}
			r := c.Request()
			c.SetRequest(r.WithContext(logging.Bind(WithPrincipal(r.Context(), p), p.fields()...)))
			return next(c)
		}
	}
}

// principal returns whose credential the request has, and whether it has any.
func (a *Authentication) principal(r *http.Request) (p Principal, found bool, err error) {
	token, refused := bearer(r.Header.Values(echo.HeaderAuthorization))
	if refused != "" {
		return p, false, refused.asError(p)
	}
	keys := r.Header.Values(HeaderAPIKey)
	if a.APIKey == nil || len(keys) == 1 && keys[0] == "" {
		keys = nil
	}
	switch {
	case len(keys) > 1 || len(keys) > 0 && token != "":
		return p, false, refusedSeveral.asError(p)
	case len(keys) > 0:
		p, err = a.ofKey(r.Context(), keys[0])
		return p, true, err
	case token != "":
		p, err = a.Verifier.Verify(r.Context(), token)
		return p, true, err
	}
	return p, false, nil
}

func (a *Authentication) ofKey(ctx context.Context, text string) (Principal, error) {
	key, err := ParseAPIKey(text)
	if err != nil {
		return Principal{}, refusedKeyText.asError(Principal{})
	}
	p, err := a.APIKey(ctx, key)
	if why, ok := errors.AsType[refusal](err); ok {
		return Principal{}, why.asError(p)
	}
	return p, err
}

// rejected reports err if it is the refusal of a credential, which an unanswered question about revocation is not.
func (a *Authentication) rejected(c echo.Context, err error, who Principal) error {
	rejection := asRejection(err, who)
	if rejection == nil {
		return err
	}
	if rejection.Reason == string(refusedSeveral) {
		c.Response().Header().Set(echo.HeaderWWWAuthenticate, `Bearer error="invalid_request"`)
	}
	ctx := c.Request().Context()
	if a.OnRejected != nil {
		a.OnRejected(ctx, *rejection)
		return err
	}
	a.Log.AuditWarn(ctx, "token_rejected", append(rejection.Principal.fields(),
		logging.String("reason", rejection.Reason), logging.String("remote_ip", c.RealIP()))...)
	return err
}

// fields are the principal's ids for the log, those that it has.
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
