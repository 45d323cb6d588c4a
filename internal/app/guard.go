package app

import (
	"context"
	"net/http"
	"slices"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// guard keeps routes to those who may use them.
type guard struct {
	authenticate echo.MiddlewareFunc
	denied       func(context.Context, auth.Denial) // is told of every missing permission
}

// register adds the routes to e, each behind what its permission asks for. The middleware of a route is put together here, once:
// Echo would do it anew for every request.
func (g guard) register(e *echo.Echo, list []route) {
	for _, r := range list {
		handler := r.handler
		for _, middleware := range slices.Backward(g.before(r)) {
			handler = middleware(handler)
		}
		add(e, r.method, r.path, handler)
	}
}

// before returns the middleware of a route, the outermost first.
func (g guard) before(r route) []echo.MiddlewareFunc {
	switch r.condition {
	case public:
		return nil
	case signedIn:
		return []echo.MiddlewareFunc{g.authenticate, tenancy, g.ruled(r.condition.permission)}
	}
	permitted := auth.Require(access.Policy, r.condition.permission, g.denied)
	if r.condition.self {
		permitted = unlessSelf(permitted)
	}
	return []echo.MiddlewareFunc{g.authenticate, permitted, tenancy, g.ruled(r.condition.permission)}
}

// ruled tells of what a rule of the feature forbids though the role allows it, such as that an admin changes an owner.
func (g guard) ruled(permission auth.Permission) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			err := next(c)
			if err != nil && errors.From(err).Code.Status == http.StatusForbidden {
				ctx := c.Request().Context()
				p, _ := auth.PrincipalFrom(ctx)
				g.denied(ctx, auth.Denial{
					Permission: permission, Route: c.Request().Method + " " + c.Path(), Reason: "forbidden_by_rule", Principal: p,
				})
			}
			return err
		}
	}
}

// unlessSelf leaves out a middleware for the user that the path names. An API key is not its user: it does what its scopes say.
func unlessSelf(middleware echo.MiddlewareFunc) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		others := middleware(next)
		return func(c echo.Context) error {
			p, ok := auth.PrincipalFrom(c.Request().Context())
			if ok && p.APIKeyID == uuid.Nil && p.UserID.String() == c.Param("id") {
				return next(c)
			}
			return others(c)
		}
	}
}

// tenancy makes the database transactions of a request act for the tenant and the user of its principal.
func tenancy(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if p, ok := auth.PrincipalFrom(r.Context()); ok {
			c.SetRequest(r.WithContext(db.WithMember(r.Context(), p.TenantID, p.UserID)))
		}
		return next(c)
	}
}
