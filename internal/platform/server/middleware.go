package server

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// securityHeaders sets what an API answers with unless a handler says otherwise: nothing is sniffed, framed, cached or
// executed. A page of HTML sets a Content-Security-Policy of its own.
func securityHeaders(production bool) echo.MiddlewareFunc {
	names := []string{"X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy", "Content-Security-Policy", "Cache-Control"}
	texts := []string{"nosniff", "DENY", "no-referrer", "default-src 'none'; frame-ancestors 'none'", "no-store"}
	if production { // TLS ends at the proxy; browsers ignore this header over plain HTTP
		names, texts = append(names, "Strict-Transport-Security"), append(texts, "max-age=63072000")
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			h := c.Response().Header()
			values := append([]string(nil), texts...) // one allocation for all; a shared slice could be changed by a handler
			for i, name := range names {
				h[name] = values[i : i+1 : i+1]
			}
			return next(c)
		}
	}
}

// recovery turns a panic into the error that [errors.Recovered] makes of it. [http.ErrAbortHandler] is how a handler
// asks the server to cut the connection, so it goes on.
func recovery() echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) (err error) {
			defer func() {
				switch value := recover(); value {
				case nil:
				case http.ErrAbortHandler:
					panic(value)
				default:
					err = errors.Recovered(value)
				}
			}()
			return next(c)
		}
	}
}
