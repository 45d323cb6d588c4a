package members

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/paging"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/server/request"
	"github.com/netrun-systems/go-service-template/internal/platform/server/respond"
)

// Handler serves the routes of the feature.
type Handler struct{ service *Service }

// NewHandler returns the handlers of a service.
func NewHandler(s *Service) *Handler { return &Handler{s} }

// List handles GET /v1/users.
func (h *Handler) List(c echo.Context, _ auth.Principal) error {
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

// Get handles GET /v1/users/:id.
func (h *Handler) Get(c echo.Context, _ auth.Principal) error {
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

// Create handles POST /v1/users.
func (h *Handler) Create(c echo.Context, p auth.Principal) error {
	var r CreateRequest
	if err := request.JSON(c, &r); err != nil {
		return err
	}
	member, err := h.service.Create(c.Request().Context(), p, r)
	if err != nil {
		return err
	}
	return respond.Created(c, "/v1/users/"+member.ID.String(), member)
}

// Update handles PATCH /v1/users/:id.
func (h *Handler) Update(c echo.Context, p auth.Principal) error {
	id, err := request.UUID(c, "id")
	if err != nil {
		return err
	}
	var r UpdateRequest
	if err := request.JSON(c, &r); err != nil {
		return err
	}
	member, err := h.service.Update(c.Request().Context(), p, id, r)
	if err != nil {
		return err
	}
	if !access.Policy.Allows(p, access.UsersRead) { // an API key that may only write
		return respond.NoContent(c)
	}
	return respond.JSON(c, http.StatusOK, member)
}

// Delete handles DELETE /v1/users/:id. The route admits every user for their own id, since
// everybody may leave.
func (h *Handler) Delete(c echo.Context, p auth.Principal) error {
	id, err := request.UUID(c, "id")
	if err != nil {
		return err
	}
	if err := h.service.Delete(c.Request().Context(), p, id); err != nil {
		return err
	}
	return respond.NoContent(c)
}
