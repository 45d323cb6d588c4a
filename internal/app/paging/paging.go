// Package paging splits lists into pages by keyset pagination: a page starts after the position of
// the last item, not at an offset. So no item is skipped or repeated when others are added or
// deleted, and late pages are as fast as the first one. Lists must be in descending order of a time
// of the database and an id: newest first.
//
// A handler reads the query with [FromRequest], and the service loads the page with [Load], as the
// package apikeys does.
package paging

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/server/request"
)

const (
	defaultLimit = 20
	maxLimit     = 100
	maxCursor    = 100 // characters; cursors are shorter
)

// Query selects a page. The zero value selects the first page of the default size.
type Query struct {
	Limit  int    // maximum number of items; values below 1 mean 20
	Cursor string // NextCursor of the previous page, or "" for the first page
}

// FromRequest reads the query parameters limit (1..100, default 20) and cursor.
func FromRequest(c echo.Context) (q Query, err error) {
	if q.Limit, err = request.Int(c, "limit", defaultLimit, 1, maxLimit); err != nil {
		return q, err
	}
	q.Cursor, err = request.Text(c, "cursor", maxCursor)
	return q, err
}

// Page is a page of a list in the form that clients receive.
type Page[T any] struct {
	Items      []T     `json:"items"`
	NextCursor *string `json:"next_cursor"` // null on the last page
}

// Position is the place of an item in a list. The zero value is before the first item.
type Position struct {
	Time time.Time // of the database, in microseconds
	ID   uuid.UUID // any
}

// IsZero reports whether p is the beginning of the list.
func (p Position) IsZero() bool { return p == Position{} }

// Load returns the page that q selects. load returns at most limit items after a position, the
// newest first, that is in descending order of time and id. filter holds the values of all filters
// of the list, in a fixed order: a cursor is valid only for the filters it was made with. An invalid
// cursor is a VALIDATION_ERROR.
func Load[T any](
	q Query, filter []string, position func(T) Position, load func(after Position, limit int) ([]T, error),
) (page Page[T], err error) {
	var after Position
	if q.Cursor != "" {
		var ok bool
		if after, ok = decode(q.Cursor, filter); !ok {
			return page, errors.Invalid("cursor", "cursor", "must be the next_cursor of a list with the same filters")
		}
	}
	limit := q.Limit
	if limit < 1 {
		limit = defaultLimit
	}
	items, err := load(after, limit+1) // the extra item shows that there is a next page
	if err != nil {
		return page, err
	}
	page.Items = append([]T{}, items[:min(limit, len(items))]...) // never nil, which JSON encodes as null
	if len(items) > limit {
		next := encode(position(items[limit-1]), filter)
		page.NextCursor = &next
	}
	return page, nil
}

// A cursor consists of a version, the position of the last item of a page and a hash of the filter.
// It is not signed: with a forged cursor a client only gets another part of a list that it may read
// anyway.
const (
	version  = 2
	timeSize = 8
	hashSize = 8
	size     = 1 + timeSize + len(uuid.UUID{}) + hashSize
	maxYear  = 9999
)

func encode(last Position, filter []string) string {
	hash := sha256.New()
	for _, value := range filter {
		fmt.Fprintf(hash, "%d:%s", len(value), value) // the length keeps ("ab", "c") and ("a", "bc") apart
	}
	b := binary.BigEndian.AppendUint64([]byte{version}, uint64(last.Time.UnixMicro()))
	b = append(b, last.ID[:]...)
	return base64.RawURLEncoding.EncodeToString(append(b, hash.Sum(nil)[:hashSize]...))
}

// decode accepts only the text that encode returns, because base64 has several encodings of the
// same bytes, and times of years that PostgreSQL knows.
func decode(text string, filter []string) (last Position, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) != size {
		return last, false
	}
	last.Time = time.UnixMicro(int64(binary.BigEndian.Uint64(b[1:]))).UTC() //nolint:gosec // two's complement
	last.ID = uuid.UUID(b[1+timeSize : size-hashSize])
	return last, last.Time.Year() >= 1 && last.Time.Year() <= maxYear && text == encode(last, filter)
}
