package apikeys

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

// Create answers POST /v1/api-keys.
func (h *Handler) Create(c echo.Context) error {
	var d Draft
	if err := request.JSON(c, &d); err != nil {
		return err
	}
	by, err := auth.Current(c.Request().Context())
	if err != nil {
		return err
	}
	created, err := h.service.Create(c.Request().Context(), by, d)
	if err != nil {
		return err
	}
	respond.NoStore(c)
	return respond.Created(c, "/v1/api-keys/"+created.ID.String(), created)
}

// List answers GET /v1/api-keys.
func (h *Handler) List(c echo.Context) error {
	q, err := paging.FromRequest(c)
	if err != nil {
		return err
	}
	by, err := auth.Current(c.Request().Context())
	if err != nil {
		return err
	}
	page, err := h.service.List(c.Request().Context(), by, q)
	if err != nil {
		return err
	}
	return respond.JSON(c, http.StatusOK, page)
}

// Get answers GET /v1/api-keys/:id.
func (h *Handler) Get(c echo.Context) error {
	id, err := request.UUID(c, "id")
	if err != nil {
		return err
	}
	by, err := auth.Current(c.Request().Context())
	if err != nil {
		return err
	}
	key, err := h.service.Get(c.Request().Context(), by, id)
	if err != nil {
		return err
	}
	return respond.JSON(c, http.StatusOK, key)
}

// Revoke answers DELETE /v1/api-keys/:id.
func (h *Handler) Revoke(c echo.Context) error {
	id, err := request.UUID(c, "id")
	if err != nil {
		return err
	}
	by, err := auth.Current(c.Request().Context())
	if err != nil {
		return err
	}
	if err := h.service.Revoke(c.Request().Context(), by, id); err != nil {
		return err
	}
	return respond.NoContent(c)
}
