package errors

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// Handler returns the error handler for Echo. It turns err into an [Error] (see [From]) and that into a [Problem], writes it
// once, and passes the Error to report, also where the response had begun already and nothing could be written; report is
// where the error is logged, once. A nil report is allowed. No error that is handed in is ever changed.
//
// A cancellation counts as the client's ([CodeClientClosedRequest]) only where the request's own ctx has ended without an
// [Error] as its cause. Where it has one, that is what the client reads: a server that cuts requests off says why. A
// cancellation while the ctx lives was made inside the service, and its client is still there to read a 500.
func Handler(report func(context.Context, *Error), mappers ...Mapper) echo.HTTPErrorHandler {
	return func(err error, c echo.Context) {
		if err == nil {
			return
		}
		ctx := c.Request().Context()
		e := From(err, mappers...)
		if Is(err, context.Canceled) && e.Code == CodeClientClosedRequest {
			e = whoCancelled(ctx, e)
		}
		id := CorrelationID(ctx)
		if id == "" {
			id = NewCorrelationID()
			ctx = WithCorrelationID(ctx, id)
		}
		if report != nil {
			report(ctx, e)
		}
		if !c.Response().Committed {
			// The only error that is left is that of a client that no longer reads.
			_ = write(c, e, id)
		}
	}
}

func whoCancelled(ctx context.Context, e *Error) *Error {
	if ctx.Err() == nil {
		return Internal(e, "cancelled by the service itself")
	}
	if cause, ok := AsType[*Error](context.Cause(ctx)); ok && cause != nil {
		return Wrap(e, cause.Code, cause.Message).After(cause.RetryAfter)
	}
	return e
}

func write(c echo.Context, e *Error, id string) error {
	if e.Status() == StatusClientClosedRequest {
		return c.NoContent(StatusClientClosedRequest)
	}
	r, h := c.Request(), c.Response().Header()
	h.Set(HeaderCorrelationID, id)
	setHeaders(h, e)
	if r.Method == http.MethodHead {
		return c.NoContent(e.Status())
	}
	body, err := NewProblem(e, instance(r.URL), id, time.Now()).encode()
	if err != nil {
		return err
	}
	return c.Blob(e.Status(), MediaType, body)
}
