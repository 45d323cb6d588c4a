package respond

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
)

// JSON answers with v as JSON. Where v cannot be encoded nothing has been written yet, and the error is rendered instead.
func JSON(c echo.Context, status int, v any) error { return c.JSON(status, v) }

// Created answers 201 with v as JSON and the URL of what was created.
func Created(c echo.Context, location string, v any) error {
	c.Response().Header().Set("Location", location)
	return c.JSON(http.StatusCreated, v)
}

// NoContent answers 204.
func NoContent(c echo.Context) error { return c.NoContent(http.StatusNoContent) }

// NoStore keeps the answer that follows out of every cache, for one that holds a credential (RFC 6749, section 5.1).
func NoStore(c echo.Context) { c.Response().Header().Set("Cache-Control", "no-store") }

// WithETag answers with v as JSON and its entity tag, quotes included, and lets the client's own cache keep it as long as
// it asks each time. A GET or HEAD whose If-None-Match holds the tag (RFC 9110, section 13.1.2) is answered 304 without a
// body.
func WithETag(c echo.Context, status int, etag string, v any) error {
	h := c.Response().Header()
	h.Set("ETag", etag)
	h.Set("Cache-Control", "private, no-cache")
	if r := c.Request(); r.Method == http.MethodGet || r.Method == http.MethodHead {
		if noneMatch(r.Header.Values("If-None-Match"), etag) {
			return c.NoContent(http.StatusNotModified)
		}
	}
	return c.JSON(status, v)
}

// noneMatch compares weakly, as RFC 9110, section 13.1.2 asks. Cutting at commas is exact for a tag that has none itself:
// a piece of another tag cannot have quotes at both of its ends.
func noneMatch(headers []string, etag string) bool {
	opaque := strings.TrimPrefix(etag, "W/")
	for _, header := range headers {
		for piece := range strings.SplitSeq(header, ",") {
			piece = strings.Trim(piece, " \t")
			if piece == "*" || strings.TrimPrefix(piece, "W/") == opaque {
				return true
			}
		}
	}
	return false
}
