package server

import (
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// lingerLimit is how much of a body that is too large is read and thrown away. A client that still writes when the
// connection closes gets a reset and never reads the answer, so most get to finish; whoever sends more, or for longer than
// lingerTime, does not.
const (
	lingerLimit = 8 << 20
	lingerTime  = 3 * time.Second
)

// bodyLimit refuses a body that says it is too large before a handler sees it, and stops one that does not say while it is
// read. HTTP_READ_TIMEOUT bounds both.
func bodyLimit(limit int64) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			if r.Body == nil || r.Body == http.NoBody {
				return next(c)
			}
			body := r.Body
			if r.ContentLength > limit {
				linger(c, body)
				return &http.MaxBytesError{Limit: limit}
			}
			// The writer below Echo's is the one that can be told to close the connection.
			r.Body = http.MaxBytesReader(c.Response().Writer, body, limit)
			err := next(c)
			if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
				linger(c, body)
			}
			return err
		}
	}
}

// linger reads on, unless the client waits to be asked for the body (RFC 9110, section 10.1.1), which it now is not.
func linger(c echo.Context, body io.Reader) {
	r := c.Request()
	if r.ContentLength > 0 && strings.EqualFold(r.Header.Get("Expect"), "100-continue") {
		return
	}
	c.Response().Header().Set("Connection", "close")
	// A writer without deadlines is a test's; the limit holds all the same.
	_ = http.NewResponseController(c.Response().Writer).SetReadDeadline(time.Now().Add(lingerTime))
	_, _ = io.CopyN(io.Discard, body, lingerLimit) // how it ends does not matter: the answer is the same
}
