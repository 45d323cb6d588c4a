package auth

import (
	"context"

	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// Denial is why a principal may not do something, for the audit trail.
type Denial struct {
	Permission Permission // what was asked for
	Route      string     // the method and the pattern of the path, such as PATCH /v1/users/:id
	Reason     string     // missing_permission, outside_scope where the roles alone would allow it, or a word of the service's own
	Principal  Principal
}

// Require lets a request through only if the policy allows its principal the permission. Without a principal the answer is
// AUTH_REQUIRED; without the permission it is PERMISSION_DENIED, which names the permission, and permission_denied is
// audited. It comes after [Authenticate].
//
// onDenied are told of every denial in place of that audit line, for a service that keeps a trail of its own.
func Require(policy *Policy, permission Permission, onDenied ...func(context.Context, Denial)) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			ctx := c.Request().Context()
			p, err := Current(ctx)
			if err != nil {
				return err
			}
			if policy.Allows(p, permission) {
				return next(c)
			}
			denial := Denial{Permission: permission, Route: c.Request().Method + " " + c.Path(), Reason: "missing_permission", Principal: p}
			if policy.Can(p.Roles, permission) {
				denial.Reason = "outside_scope"
			}
			for _, tell := range onDenied {
				tell(ctx, denial)
			}
			if len(onDenied) == 0 {
				log.AuditWarn(ctx, "permission_denied", logging.String("permission", string(permission)),
					logging.String("reason", denial.Reason), logging.String("remote_ip", c.RealIP()))
			}
			return errors.PermissionDenied(string(permission))
		}
	}
}
