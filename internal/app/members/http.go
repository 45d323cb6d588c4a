package members

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/app/paging"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/server/request"
	"github.com/netrun-systems/go-service-template/internal/platform/server/respond"
)

// Handler answers the HTTP requests of the feature.
type Handler struct{ service *Service }

// NewHandler returns the handlers for a service.
func NewHandler(s *Service) *Handler { return &Handler{s} }

// List answers GET /v1/users.
func (h *Handler) List(c echo.Context) error {
	q, err := paging.FromRequest(c)
	if err != nil {
		return err
	}
	page, err := h.service.List(c.Request().Context(), q)
	if err != nil {
		return err
	}
	return respond.JSON(c, http.StatusOK, page)
}

// Get answers GET /v1/users/:id.
func (h *Handler) Get(c echo.Context) error {
	id, err := request.UUID(c, "id")
	if err != nil {
		return err
	}
	member, err := h.service.Get(c.Request().Context(), id)
	if err != nil {
		return err
	}
	return respond.JSON(c, http.StatusOK, member)
}

// Add answers POST /v1/users.
func (h *Handler) Add(c echo.Context) error {
	var a Addition
	if err := request.JSON(c, &a); err != nil {
		return err
	}
	by, err := auth.Current(c.Request().Context())
	if err != nil {
		return err
	}
	member, err := h.service.Add(c.Request().Context(), by, a)
	if err != nil {
		return err
	}
	return respond.Created(c, "/v1/users/"+member.ID.String(), member)
}

// Change answers PATCH /v1/users/:id.
func (h *Handler) Change(c echo.Context) error {
	id, err := request.UUID(c, "id")
	if err != nil {
		return err
	}
	var change Change
	if err := request.JSON(c, &change); err != nil {
		return err
	}
	by, err := auth.Current(c.Request().Context())
	if err != nil {
		return err
	}
	member, err := h.service.Change(c.Request().Context(), by, id, change)
	if err != nil {
		return err
	}
	return respond.JSON(c, http.StatusOK, member)
}

// Remove answers DELETE /v1/users/:id. Everybody may leave, so the route lets users themselves through without the permission.
func (h *Handler) Remove(c echo.Context) error {
	id, err := request.UUID(c, "id")
	if err != nil {
		return err
	}
	by, err := auth.Current(c.Request().Context())
	if err != nil {
		return err
	}
	if err := h.service.Remove(c.Request().Context(), by, id); err != nil {
		return err
	}
	return respond.NoContent(c)
}
