package paging

import (
	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// Page is one page of a list, as clients see it.
type Page[T any] struct {
	Items      []T     `json:"items"`
	NextCursor *string `json:"next_cursor"` // null on the last page
}

// Load returns the page that q asks for. load returns at most limit items whose id is below before, in descending order of
// their ids; before is zero for the first page. The values of filter, of which each has a fixed place, are what else narrows
// the list: a cursor is good for a list with the same ones only, any other is a VALIDATION_ERROR.
func Load[T any](q Query, filter []string, id func(T) uuid.UUID, load func(before uuid.UUID, limit int) ([]T, error)) (Page[T], error) {
	var before uuid.UUID
	if q.Cursor != "" {
		var ok bool
		if before, ok = decode(q.Cursor, filter); !ok {
			return Page[T]{}, errors.Invalid("cursor", "cursor", "must be the next_cursor of a list with the same filters")
		}
	}
	limit := q.Limit
	if limit < 1 {
		limit = defaultLimit
	}
	items, err := load(before, limit+1) // one more tells whether there is a next page
	if err != nil {
		return Page[T]{}, err
	}
	if items == nil {
		items = []T{} // [] in JSON, not null
	}
	if len(items) <= limit {
		return Page[T]{Items: items}, nil
	}
	last := id(items[limit-1])
	if !ordered(last) {
		return Page[T]{}, errors.Internal(errNoOrder, "make a cursor of "+last.String())
	}
	next := encode(last, filter)
	return Page[T]{Items: items[:limit], NextCursor: &next}, nil
}

var errNoOrder = errors.Sentinel("a list in pages has an id that is no UUIDv7")
