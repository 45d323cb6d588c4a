package errors

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
)

// HeaderCorrelationID is the header that carries the correlation id, in requests and in responses.
const HeaderCorrelationID = "X-Correlation-ID"

const (
	canonicalCorrelationID = "X-Correlation-Id" // as http.Header spells it; finding that out costs two allocations a request
	maxCorrelationID       = 128
)

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

// NewCorrelationID returns a new id, a UUIDv7 (RFC 9562), so that ids sort by time. It is unique and not a secret, so the
// runtime's generator does; asking the kernel would be a third of what a request pays for its middleware.
func NewCorrelationID() string {
	const version, variant = 7 << 12, 1 << 63
	var id uuid.UUID
	milliseconds := uint64(time.Now().UnixMilli())
	binary.BigEndian.PutUint64(id[:8], milliseconds<<16|version|rand.Uint64()&0xfff) //nolint:gosec // not a secret
	binary.BigEndian.PutUint64(id[8:], variant|rand.Uint64()>>2)                     //nolint:gosec // not a secret
	return id.String()
}

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

// CorrelationMiddleware takes over the request's [HeaderCorrelationID] where there is exactly one and it is valid, else the first
// valid id that a fallback finds in the request, such as that of a trace, else makes one. It puts the id into the request's
// ctx and sends it back in the response. It comes first in the chain.
func CorrelationMiddleware(fallback ...func(*http.Request) string) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			id := incomingID(r, fallback)
			c.Response().Header().Set(canonicalCorrelationID, id)
			c.SetRequest(r.WithContext(WithCorrelationID(r.Context(), id)))
			return next(c)
		}
	}
}

func incomingID(r *http.Request, fallback []func(*http.Request) string) string {
	if ids := r.Header[canonicalCorrelationID]; len(ids) == 1 && ValidCorrelationID(ids[0]) {
		return ids[0]
	}
	for _, find := range fallback {
		if id := find(r); ValidCorrelationID(id) {
			return id
		}
	}
	return NewCorrelationID()
}
