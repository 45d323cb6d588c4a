package apikeys

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/app/paging"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/server/request"
	"github.com/netrun-systems/go-service-template/internal/platform/server/respond"
)

// Handler serves the HTTP API of API keys.
type Handler struct{ service *Service }

// NewHandler returns the handlers for a service.
func NewHandler(s *Service) *Handler { return &Handler{s} }

// Create handles POST /v1/api-keys.
func (h *Handler) Create(c echo.Context, p auth.Principal) error {
	var body CreateRequest
	if err := request.JSON(c, &body); err != nil {
		return err
	}
	created, err := h.service.Create(c.Request().Context(), p, body)
	if err != nil {
		return err
	}
	return respond.Created(c, "/v1/api-keys/"+created.ID.String(), created)
}

// List handles GET /v1/api-keys.
func (h *Handler) List(c echo.Context, p auth.Principal) error {
	q, err := paging.FromRequest(c)
	if err != nil {
		return err
	}
	page, err := h.service.List(c.Request().Context(), p, q)
	if err != nil {
		return err
	}
	return respond.JSON(c, http.StatusOK, page)
}

// Get handles GET /v1/api-keys/:id.
func (h *Handler) Get(c echo.Context, p auth.Principal) error {
	id, err := request.UUID(c, "id")
	if err != nil {
		return err
	}
	key, err := h.service.Get(c.Request().Context(), p, id)
	if err != nil {
		return err
	}
	return respond.JSON(c, http.StatusOK, key)
}

// Revoke handles DELETE /v1/api-keys/:id.
func (h *Handler) Revoke(c echo.Context, p auth.Principal) error {
	id, err := request.UUID(c, "id")
	if err != nil {
		return err
	}
	if err := h.service.Revoke(c.Request().Context(), p, id); err != nil {
		return err
	}
	return respond.NoContent(c)
}
