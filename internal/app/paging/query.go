package paging

import (
	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/platform/server/request"
)

const (
	defaultLimit = 20
	maxLimit     = 100
	maxCursor    = 100 // characters, longer than any cursor
)

// Query is which page is asked for. The zero value is the first one, in the default size.
type Query struct {
	Limit  int    // how many items there may be; below 1: 20
	Cursor string // the NextCursor of the page before; "" for the first page
}

// FromRequest reads the query parameters limit, which is in 1..100 and 20 where it is not there, and cursor.
func FromRequest(c echo.Context) (q Query, err error) {
	if q.Limit, err = request.Int(c, "limit", defaultLimit, 1, maxLimit); err != nil {
		return q, err
	}
	q.Cursor, err = request.Text(c, "cursor", maxCursor)
	return q, err
}
