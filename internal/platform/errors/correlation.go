package errors

import (
	"context"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
)

// HeaderCorrelationID is the header that carries the correlation id, in requests and in responses.
const HeaderCorrelationID = "X-Correlation-ID"

const maxCorrelationID = 128

type correlationKey struct{}

// WithCorrelationID returns a ctx that carries id.
func WithCorrelationID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, correlationKey{}, id)
}

// CorrelationID returns the id that ctx carries, or "".
func CorrelationID(ctx context.Context) string {
	id, _ := ctx.Value(correlationKey{}).(string)
	return id
}

// NewCorrelationID returns a new id, a UUIDv7 (RFC 9562), so that ids sort by time.
func NewCorrelationID() string { return uuid.Must(uuid.NewV7()).String() }

// ValidCorrelationID reports whether an id from outside may be taken over: 1 to 128 of A-Z a-z 0-9 . _ : -, which keeps
// line breaks and long values out of logs.
func ValidCorrelationID(id string) bool {
	if id == "" || len(id) > maxCorrelationID {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == ':', c == '-':
		default:
			return false
		}
	}
	return true
}

// CorrelationMiddleware takes over the request's [HeaderCorrelationID] where it is valid, else makes an id, puts it into
// the request's ctx and sends it back in the response. It comes first in the chain.
func CorrelationMiddleware() echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			id := r.Header.Get(HeaderCorrelationID)
			if !ValidCorrelationID(id) {
				id = NewCorrelationID()
			}
			c.Response().Header().Set(HeaderCorrelationID, id)
			c.SetRequest(r.WithContext(WithCorrelationID(r.Context(), id)))
			return next(c)
		}
	}
}
