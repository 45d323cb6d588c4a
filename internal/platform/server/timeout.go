package server

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// untimedKey is where a request's ctx keeps the one it had before its deadline was set.
type untimedKey struct{}

// requestTimeout gives the request's ctx a deadline. There is no second goroutine that answers in the handler's place, so
// nothing races: work that follows its ctx ends with an error, which is rendered as 504. It is the outermost middleware:
// when it cancels the ctx, the error has been rendered and logged, and a handler's own cancellation has not been taken
// for the client's.
func requestTimeout(d time.Duration) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			untimed := r.Context()
			ctx, cancel := context.WithTimeout(context.WithValue(untimed, untimedKey{}, untimed), d)
			defer cancel()
			c.SetRequest(r.WithContext(ctx))
			return next(c)
		}
	}
}

// NoTimeout lifts the request timeout and the read and write deadlines of the connection from a request whose answer is a
// stream. Its ctx still ends when the client goes away and when the drain at shutdown takes too long. Call it in the
// handler, before anything is taken from the request's ctx.
func NoTimeout(c echo.Context) error {
	r := c.Request()
	if untimed, ok := r.Context().Value(untimedKey{}).(context.Context); ok {
		ctx, cancel := context.WithCancelCause(context.WithoutCancel(r.Context()))
		context.AfterFunc(untimed, func() { cancel(context.Cause(untimed)) })
		c.SetRequest(r.WithContext(ctx))
	}
	rc := http.NewResponseController(c.Response())
	for _, err := range []error{rc.SetReadDeadline(time.Time{}), rc.SetWriteDeadline(time.Time{})} {
		if err != nil && !errors.Is(err, http.ErrNotSupported) { // a recorder in a test has no deadlines
			return errors.Internal(err, "lift the deadlines of the connection")
		}
	}
	return nil
}
