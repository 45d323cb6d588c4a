package invoices

import (
	"net/http"

	"github.com/labstack/echo/v4"

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

// Create handles POST /v1/invoices.
func (h *Handler) Create(c echo.Context, p auth.Principal) error {
	var r CreateRequest
	if err := request.JSON(c, &r); err != nil {
		return err
	}
	key, err := idempotency.FromRequest(c, p, "create invoice")
	if err != nil {
		return err
	}
	i, err := h.service.Create(c.Request().Context(), p, r, key)
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderLocation, "/v1/invoices/"+i.ID.String())
	return respond.WithETag(c, http.StatusCreated, request.ETag(i.Version), i)
}

// Get handles GET /v1/invoices/:id.
func (h *Handler) Get(c echo.Context, _ auth.Principal) error {
	id, err := request.UUID(c, "id")
	if err != nil {
		return err
	}
	i, err := h.service.Get(c.Request().Context(), id)
	if err != nil {
		return err
	}
	return respond.WithETag(c, http.StatusOK, request.ETag(i.Version), i)
}

// List handles GET /v1/invoices.
func (h *Handler) List(c echo.Context, _ auth.Principal) error {
	q, err := paging.FromRequest(c)
	if err != nil {
		return err
	}
	var f Filter
	if f.Status, err = request.Enum(c, "status", statuses...); err != nil {
		return err
	}
	if f.Currency, err = request.Enum(c, "currency", currencies...); err != nil {
		return err
	}
	if f.Customer, err = request.Text(c, "customer", maxCustomer); err != nil {
		return err
	}
	page, err := h.service.List(c.Request().Context(), f, q)
	if err != nil {
		return err
	}
	return respond.JSON(c, http.StatusOK, page)
}

// Update handles PATCH /v1/invoices/:id. It requires If-Match, so that a client cannot overwrite a
// version it has not read.
func (h *Handler) Update(c echo.Context, _ auth.Principal) error {
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
	i, err := h.service.Update(c.Request().Context(), id, r, match)
	if err != nil {
		return err
	}
	return respond.WithETag(c, http.StatusOK, request.ETag(i.Version), i)
}

// Delete handles DELETE /v1/invoices/:id. If-Match is optional.
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
