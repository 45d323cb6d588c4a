package auth

import (
	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

var log = logging.For()

// Authenticate lets a request through only with one good access token, which it takes from the Authorization header and
// nowhere else. The principal goes into the request's ctx (see [PrincipalFrom]), and its user_id and tenant_id into every
// later log line of it. Without a token the answer is AUTH_REQUIRED. A token that is refused is written to audit as
// token_rejected, with the reason and the address, never with the token.
func Authenticate(v *Verifier, audit logging.Logger) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			token, refused := bearer(r.Header.Values(echo.HeaderAuthorization))
			if refused != "" {
				return rejected(c, audit, refused.asError())
			}
			if token == "" {
				return errors.New(errors.CodeAuthRequired, "")
			}
			p, err := v.Verify(r.Context(), token)
			if err != nil {
				return rejected(c, audit, err)
			}
			ctx := logging.Bind(WithPrincipal(r.Context(), p),
				logging.String("tenant_id", p.TenantID.String()), logging.String("user_id", p.UserID.String()))
			c.SetRequest(r.WithContext(ctx))
			return next(c)
		}
	}
}

// rejected audits err if it is the refusal of a token, which an unanswered question about revocation is not.
func rejected(c echo.Context, audit logging.Logger, err error) error {
	if why, ok := errors.AsType[refusal](err); ok {
		audit.Warn(c.Request().Context(), "token_rejected",
			logging.Bool("audit", true), logging.String("reason", string(why)), logging.String("remote_ip", c.RealIP()))
	}
	return err
}

// Require lets a request through only if its principal has the permission. Without a principal the answer is
// AUTH_REQUIRED; without the permission it is PERMISSION_DENIED, which names the permission, and permission_denied is
// logged. It comes after [Authenticate].
func Require(permission Permission) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			ctx := c.Request().Context()
			p, ok := PrincipalFrom(ctx)
			if !ok {
				return errors.New(errors.CodeAuthRequired, "")
			}
			if !p.Can(permission) {
				log.Warn(ctx, "permission_denied",
					logging.Bool("audit", true), logging.String("permission", string(permission)),
					logging.String("remote_ip", c.RealIP()))
				return errors.PermissionDenied(string(permission))
			}
			return next(c)
		}
	}
}
