package audit

import (
	"context"

	"github.com/labstack/echo/v4"
)

type remoteIPKey struct{}

// WithRemoteIP returns a ctx that carries the address that a request comes from.
func WithRemoteIP(ctx context.Context, ip string) context.Context {
	return context.WithValue(ctx, remoteIPKey{}, ip)
}

// RemoteIP returns the address that ctx carries, or "".
func RemoteIP(ctx context.Context) string {
	ip, _ := ctx.Value(remoteIPKey{}).(string)
	return ip
}

// Middleware puts the address of a request into its ctx, so that services need no parameter for it. It is the one that the
// server takes the request to come from, which a header changes only where a trusted proxy has set it.
func Middleware(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		c.SetRequest(r.WithContext(WithRemoteIP(r.Context(), c.RealIP())))
		return next(c)
	}
}
