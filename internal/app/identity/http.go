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

// Handler answers the HTTP requests of the feature.
type Handler struct{ service *Service }

// NewHandler returns the handlers for a service.
func NewHandler(s *Service) *Handler { return &Handler{s} }

// Register answers POST /v1/auth/register.
func (h *Handler) Register(c echo.Context) error {
	var r Registration
	if err := request.JSON(c, &r); err != nil {
		return err
	}
	user, tokens, err := h.service.Register(c.Request().Context(), r, session.ClientOf(c))
	if err != nil {
		return err
	}
	respond.NoStore(c)
	return respond.JSON(c, http.StatusCreated, struct {
		User   User           `json:"user"`
		Tokens session.Tokens `json:"tokens"`
	}{user, tokens})
}

// Login answers POST /v1/auth/login.
func (h *Handler) Login(c echo.Context) error {
	var credentials Credentials
	if err := request.JSON(c, &credentials); err != nil {
		return err
	}
	tokens, err := h.service.Login(c.Request().Context(), credentials, session.ClientOf(c))
	if err != nil {
		return err
	}
	respond.NoStore(c)
	return respond.JSON(c, http.StatusOK, tokens)
}

// ChangePassword answers POST /v1/me/password.
func (h *Handler) ChangePassword(c echo.Context) error {
	p, err := auth.Current(c.Request().Context())
	if err != nil {
		return err
	}
	var change PasswordChange
	if err := request.JSON(c, &change); err != nil {
		return err
	}
	if err := h.service.ChangePassword(c.Request().Context(), p, change, session.ClientOf(c)); err != nil {
		return err
	}
	return respond.NoContent(c)
}

// Me answers GET /v1/me.
func (h *Handler) Me(c echo.Context) error {
	ctx := c.Request().Context()
	p, err := auth.Current(ctx)
	if err != nil {
		return err
	}
	user, err := h.service.Me(ctx, p)
	if err != nil {
		return err
	}
	p.Roles = []auth.Role{user.Role} // those of now, as far as the scopes of an API key reach
	return respond.JSON(c, http.StatusOK, struct {
		User
		Permissions []auth.Permission `json:"permissions"`
	}{user, access.Policy.Granted(p)})
}
