package session

import (
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/server/request"
	"github.com/netrun-systems/go-service-template/internal/platform/server/respond"
)

// Handler answers the HTTP requests of the feature.
type Handler struct{ service *Service }

// NewHandler returns the handlers for a service.
func NewHandler(s *Service) *Handler { return &Handler{s} }

// ClientOf returns where a request comes from.
func ClientOf(c echo.Context) Client {
	return Client{RemoteIP: c.RealIP(), UserAgent: c.Request().UserAgent()}
}

// RefreshRequest is the body of POST /v1/auth/refresh.
type RefreshRequest struct {
	RefreshToken logging.Secret `json:"refresh_token"`
}

// Refresh answers POST /v1/auth/refresh.
func (h *Handler) Refresh(c echo.Context) error {
	var r RefreshRequest
	if err := request.JSON(c, &r); err != nil {
		return err
	}
	if r.RefreshToken.IsZero() {
		return errors.Invalid("refresh_token", "required", "is required")
	}
	tokens, err := h.service.Refresh(c.Request().Context(), r.RefreshToken.Reveal(), ClientOf(c))
	if err != nil {
		return err
	}
	respond.NoStore(c)
	return respond.JSON(c, http.StatusOK, tokens)
}

// Logout answers POST /v1/auth/logout. It has no body: the access token says which session.
func (h *Handler) Logout(c echo.Context) error {
	p, err := user(c)
	if err != nil {
		return err
	}
	if err := h.service.Logout(c.Request().Context(), p); err != nil {
		return err
	}
	return respond.NoContent(c)
}

// LogoutAll answers POST /v1/auth/logout-all.
func (h *Handler) LogoutAll(c echo.Context) error {
	p, err := user(c)
	if err != nil {
		return err
	}
	if err := h.service.LogoutAll(c.Request().Context(), p.UserID); err != nil {
		return err
	}
	return respond.NoContent(c)
}

// List answers GET /v1/auth/sessions.
func (h *Handler) List(c echo.Context) error {
	p, err := user(c)
	if err != nil {
		return err
	}
	list, err := h.service.List(c.Request().Context(), p)
	if err != nil {
		return err
	}
	return respond.JSON(c, http.StatusOK, struct {
		Items []Session `json:"items"`
	}{list})
}

// End answers DELETE /v1/auth/sessions/:id.
func (h *Handler) End(c echo.Context) error {
	id, err := request.UUID(c, "id")
	if err != nil {
		return err
	}
	p, err := user(c)
	if err != nil {
		return err
	}
	if err := h.service.End(c.Request().Context(), p, id); err != nil {
		return err
	}
	return respond.NoContent(c)
}

// user returns the principal of a request that a user has made. An API key has no session, and what it may do is said by its
// scopes, which sessions are not in.
func user(c echo.Context) (auth.Principal, error) {
	p, err := auth.Current(c.Request().Context())
	if err != nil {
		return p, err
	}
	if p.APIKeyID != uuid.Nil {
		return p, errors.New(errors.CodeAuthorization, "Sessions are for users, not for API keys")
	}
	return p, nil
}
