package errors

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/google/uuid"
)

type correlationKey struct{}

// WithCorrelationID returns a copy of ctx with the correlation id.
func WithCorrelationID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, correlationKey{}, id)
}

// CorrelationID returns the correlation id of ctx, or "".
func CorrelationID(ctx context.Context) string {
	id, _ := ctx.Value(correlationKey{}).(string)
	return id
}

// NewCorrelationID returns a UUIDv7 (RFC 9562), so that ids sort by time. It uses the runtime's
// random generator, because the id is no secret and reading from the kernel would take a third of
// the time of the whole middleware.
func NewCorrelationID() string {
	const version, variant = 7 << 12, 1 << 63
	var id uuid.UUID
	milliseconds := uint64(time.Now().UnixMilli())
	binary.BigEndian.PutUint64(id[:8], milliseconds<<16|version|rand.Uint64()&0xfff) //nolint:gosec // not a secret
	binary.BigEndian.PutUint64(id[8:], variant|rand.Uint64()>>2)                     //nolint:gosec // not a secret
	return id.String()
}

// ValidCorrelationID reports whether an id from a client may be used: 1 to 128 of `A-Za-z0-9._:-`,
// which keeps line breaks and long values out of logs.
func ValidCorrelationID(id string) bool {
	const longest, allowed = 128, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-"
	return id != "" && len(id) <= longest && strings.TrimLeft(id, allowed) == ""
}
