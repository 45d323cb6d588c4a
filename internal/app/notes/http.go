package notes

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/app/idempotency"
	"github.com/netrun-systems/go-service-template/internal/app/paging"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/server/request"
	"github.com/netrun-systems/go-service-template/internal/platform/server/respond"
)

const maxQuery = 200 // characters

// Handler answers the HTTP requests of the feature.
type Handler struct{ service *Service }

// NewHandler returns the handlers for a service.
func NewHandler(s *Service) *Handler { return &Handler{s} }

// Create answers POST /v1/notes.
func (h *Handler) Create(c echo.Context) error {
	var d Draft
	if err := request.JSON(c, &d); err != nil {
		return err
	}
	ctx := c.Request().Context()
	by, err := auth.Current(ctx)
	if err != nil {
		return err
	}
	key, err := idempotencyKey(c)
	if err != nil {
		return err
	}
	n, replayed, err := h.service.Create(ctx, by, d, key)
	if err != nil {
		return err
	}
	if replayed {
		c.Response().Header().Set(idempotency.HeaderReplayed, "true")
	}
	c.Response().Header().Set(echo.HeaderLocation, "/v1/notes/"+n.ID.String())
	return respond.WithETag(c, http.StatusCreated, n.ETag(), n)
}

func idempotencyKey(c echo.Context) (string, error) {
	values := c.Request().Header.Values(idempotency.Header)
	switch len(values) {
	case 0:
		return "", nil
	case 1:
		return values[0], idempotency.ParseKey(values[0])
	}
	return "", errors.Invalid(idempotency.Header, "single", "must be given once")
}

// Get answers GET /v1/notes/:id.
func (h *Handler) Get(c echo.Context) error {
	id, err := request.UUID(c, "id")
	if err != nil {
		return err
	}
	n, err := h.service.Get(c.Request().Context(), id)
	if err != nil {
		return err
	}
	return respond.WithETag(c, http.StatusOK, n.ETag(), n)
}

// List answers GET /v1/notes.
func (h *Handler) List(c echo.Context) error {
	q, err := paging.FromRequest(c)
	if err != nil {
		return err
	}
	var f Filter
	if f.Query, err = request.Text(c, "q", maxQuery); err != nil {
		return err
	}
	if f.Tag, err = request.Text(c, "tag", maxTag); err != nil {
		return err
	}
	page, err := h.service.List(c.Request().Context(), f, q)
	if err != nil {
		return err
	}
	return respond.JSON(c, http.StatusOK, page)
}

// Update answers PATCH /v1/notes/:id. It needs If-Match, so that nobody overwrites what they have not seen.
func (h *Handler) Update(c echo.Context) error {
	id, err := request.UUID(c, "id")
	if err != nil {
		return err
	}
	when, err := request.IfMatch(c)
	if err != nil {
		return err
	}
	var changes Changes
	if err := request.JSON(c, &changes); err != nil {
		return err
	}
	n, err := h.service.Update(c.Request().Context(), id, changes, when)
	if err != nil {
		return err
	}
	return respond.WithETag(c, http.StatusOK, n.ETag(), n)
}

// Delete answers DELETE /v1/notes/:id, with or without If-Match.
func (h *Handler) Delete(c echo.Context) error {
	id, err := request.UUID(c, "id")
	if err != nil {
		return err
	}
	var when Matcher
	if len(c.Request().Header.Values("If-Match")) > 0 {
		if when, err = request.IfMatch(c); err != nil {
			return err
		}
	}
	if err := h.service.Delete(c.Request().Context(), id, when); err != nil {
		return err
	}
	return respond.NoContent(c)
}
