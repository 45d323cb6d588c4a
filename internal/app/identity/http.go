package identity

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/session"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/server/request"
	"github.com/netrun-systems/go-service-template/internal/platform/server/respond"
)

// Handler serves the routes of the feature.
type Handler struct{ service *Service }

// NewHandler returns the handlers of a service.
func NewHandler(s *Service) *Handler { return &Handler{s} }

// Register handles POST /v1/auth/register.
func (h *Handler) Register(c echo.Context) error {
	var r RegisterRequest
	if err := request.JSON(c, &r); err != nil {
		return err
	}
	user, tokens, err := h.service.Register(c.Request().Context(), r)
	if err != nil {
		return err
	}
	return respond.JSON(c, http.StatusCreated, struct {
		User   User           `json:"user"`
		Tokens session.Tokens `json:"tokens"`
	}{user, tokens})
}

// Login handles POST /v1/auth/login.
func (h *Handler) Login(c echo.Context) error {
	var r LoginRequest
	if err := request.JSON(c, &r); err != nil {
		return err
	}
	tokens, err := h.service.Login(c.Request().Context(), r)
	if err != nil {
		return err
	}
	return respond.JSON(c, http.StatusOK, session.Response{Tokens: tokens})
}

// ChangePassword handles POST /v1/me/password.
func (h *Handler) ChangePassword(c echo.Context, p auth.Principal) error {
	var r PasswordRequest
	if err := request.JSON(c, &r); err != nil {
		return err
	}
	if err := h.service.ChangePassword(c.Request().Context(), p, r); err != nil {
		return err
	}
	return respond.NoContent(c)
}

// Me handles GET /v1/me.
func (h *Handler) Me(c echo.Context, p auth.Principal) error {
	user, err := h.service.Me(c.Request().Context(), p)
	if err != nil {
		return err
	}
	p.Roles = []auth.Role{user.Role} // the current role, limited by the scopes of an API key
	return respond.JSON(c, http.StatusOK, struct {
		User
		Permissions []auth.Permission `json:"permissions"`
	}{user, access.Policy.Granted(p)})
}
