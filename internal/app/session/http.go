package session

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/server/request"
	"github.com/netrun-systems/go-service-template/internal/platform/server/respond"
)

// Handler serves the HTTP API of sessions.
type Handler struct{ service *Service }

// NewHandler returns the handlers for a service.
func NewHandler(s *Service) *Handler { return &Handler{s} }

// RefreshRequest is the body of POST /v1/auth/refresh.
type RefreshRequest struct {
	RefreshToken logging.Secret `json:"refresh_token"`
}

// Response is the body of the response to a login or a refresh.
type Response struct {
	Tokens Tokens `json:"tokens"`
}

// Refresh handles POST /v1/auth/refresh.
func (h *Handler) Refresh(c echo.Context) error {
	var r RefreshRequest
	if err := request.JSON(c, &r); err != nil {
		return err
	}
	if r.RefreshToken.IsZero() {
		return errors.Invalid("refresh_token", "required", "is required")
	}
	tokens, err := h.service.Refresh(c.Request().Context(), r.RefreshToken.Reveal())
	if err != nil {
		return err
	}
	return respond.JSON(c, http.StatusOK, Response{tokens})
}

// Logout handles POST /v1/auth/logout. It needs no body: the access token has the session.
func (h *Handler) Logout(c echo.Context, p auth.Principal) error {
	if err := request.NoFields(c); err != nil {
		return err
	}
	if err := h.service.Logout(c.Request().Context(), p); err != nil {
		return err
	}
	return respond.NoContent(c)
}

// LogoutAll handles POST /v1/auth/logout-all.
func (h *Handler) LogoutAll(c echo.Context, p auth.Principal) error {
	if err := request.NoFields(c); err != nil {
		return err
	}
	if err := h.service.LogoutAll(c.Request().Context(), p.UserID); err != nil {
		return err
	}
	return respond.NoContent(c)
}

// List handles GET /v1/auth/sessions.
func (h *Handler) List(c echo.Context, p auth.Principal) error {
	list, err := h.service.List(c.Request().Context(), p)
	if err != nil {
		return err
	}
	return respond.JSON(c, http.StatusOK, struct {
		Items []Session `json:"items"`
	}{list})
}

// End handles DELETE /v1/auth/sessions/:id.
func (h *Handler) End(c echo.Context, p auth.Principal) error {
	id, err := request.UUID(c, "id")
	if err != nil {
		return err
	}
	if err := h.service.End(c.Request().Context(), p, id); err != nil {
		return err
	}
	return respond.NoContent(c)
}
