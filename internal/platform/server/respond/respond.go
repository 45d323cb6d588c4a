// Package respond writes responses. A handler ends with one of its functions:
//
//	return respond.WithETag(c, http.StatusOK, request.ETag(note.Version), note)
//
// # Lifting it out
//
// Copy the folder, internal/platform/server/request and internal/platform/errors. It imports
// echo/v4, and for its tests testify and goleak.
package respond

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/platform/server/request"
)

// JSON responds with v. If v cannot be encoded, nothing has been written and the error can still be
// rendered.
func JSON(c echo.Context, status int, v any) error { return c.JSON(status, v) }

// Created responds 201 with v and the URL of what was created.
func Created(c echo.Context, location string, v any) error {
	c.Response().Header().Set("Location", location)
	return c.JSON(http.StatusCreated, v)
}

// NoContent responds 204.
func NoContent(c echo.Context) error { return c.NoContent(http.StatusNoContent) }

// WithETag responds with v and its entity tag, quotes included. Only the client's own cache may
// keep the response, and it has to revalidate it each time: a GET or HEAD whose If-None-Match has
// the tag is answered 304 without a body.
func WithETag(c echo.Context, status int, etag string, v any) error {
	h := c.Response().Header()
	h.Set("ETag", etag)
	h.Set("Cache-Control", "private, no-cache")
	if request.NotModified(c.Request(), etag) {
		return c.NoContent(http.StatusNotModified)
	}
	return c.JSON(status, v)
}
