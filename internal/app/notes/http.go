package notes

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/idempotency"
	"github.com/netrun-systems/go-service-template/internal/app/paging"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/server/request"
	"github.com/netrun-systems/go-service-template/internal/platform/server/respond"
)

// Handler serves the routes of the feature.
type Handler struct{ service *Service }

// NewHandler returns the handlers of a service.
func NewHandler(s *Service) *Handler { return &Handler{s} }

// Create handles POST /v1/notes.
func (h *Handler) Create(c echo.Context, p auth.Principal) error {
	var r CreateRequest
	if err := request.JSON(c, &r); err != nil {
		return err
	}
	key, err := idempotency.FromRequest(c, p, "create note")
	if err != nil {
		return err
	}
	n, err := h.service.Create(c.Request().Context(), p, r, key)
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderLocation, "/v1/notes/"+n.ID.String())
	return respond.WithETag(c, http.StatusCreated, request.ETag(n.Version), n)
}

// Get handles GET /v1/notes/:id.
func (h *Handler) Get(c echo.Context, _ auth.Principal) error {
	id, err := request.UUID(c, "id")
	if err != nil {
		return err
	}
	n, err := h.service.Get(c.Request().Context(), id)
	if err != nil {
		return err
	}
	return respond.WithETag(c, http.StatusOK, request.ETag(n.Version), n)
}

// List handles GET /v1/notes.
func (h *Handler) List(c echo.Context, _ auth.Principal) error {
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

// Update handles PATCH /v1/notes/:id. It requires If-Match, so that a client cannot overwrite a
// version it has not read.
//
// An API key that may not read notes gets no content.
func (h *Handler) Update(c echo.Context, p auth.Principal) error {
	id, err := request.UUID(c, "id")
	if err != nil {
		return err
	}
	match, err := request.IfMatch(c)
	if err != nil {
		return err
	}
	var r UpdateRequest
	if err := request.JSON(c, &r); err != nil {
		return err
	}
	n, err := h.service.Update(c.Request().Context(), id, r, match)
	if err != nil {
		return err
	}
	if !access.Policy.Allows(p, access.NotesRead) {
		c.Response().Header().Set("ETag", request.ETag(n.Version))
		return respond.NoContent(c)
	}
	return respond.WithETag(c, http.StatusOK, request.ETag(n.Version), n)
}

// Delete handles DELETE /v1/notes/:id. If-Match is optional.
func (h *Handler) Delete(c echo.Context, _ auth.Principal) error {
	id, err := request.UUID(c, "id")
	if err != nil {
		return err
	}
	match, err := request.OptionalIfMatch(c)
	if err != nil {
		return err
	}
	if err := h.service.Delete(c.Request().Context(), id, match); err != nil {
		return err
	}
	return respond.NoContent(c)
}
