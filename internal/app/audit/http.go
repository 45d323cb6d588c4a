package audit

import (
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/app/paging"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/server/request"
	"github.com/netrun-systems/go-service-template/internal/platform/server/respond"
)

// Handler serves the HTTP API of the audit trail.
type Handler struct{ trail *Trail }

// NewHandler returns the handlers for a trail.
func NewHandler(t *Trail) *Handler { return &Handler{t} }

// List handles GET /v1/audit.
func (h *Handler) List(c echo.Context, _ auth.Principal) error {
	q, err := paging.FromRequest(c)
	if err != nil {
		return err
	}
	f, err := filter(c)
	if err != nil {
		return err
	}
	page, err := h.trail.List(c.Request().Context(), f, q)
	if err != nil {
		return err
	}
	return respond.JSON(c, http.StatusOK, page)
}

func filter(c echo.Context) (f Filter, err error) {
	for _, text := range []struct {
		name   string
		maxLen int
		to     *string
	}{{"event", maxWord, &f.Event}, {"target_type", maxWord, &f.TargetType}, {"target_id", maxTargetID, &f.TargetID}} {
		if *text.to, err = request.Text(c, text.name, text.maxLen); err != nil {
			return f, err
		}
	}
	if f.ActorID, err = id(c, "actor_id"); err != nil {
		return f, err
	}
	if f.Since, err = instant(c, "since"); err != nil {
		return f, err
	}
	if f.Until, err = instant(c, "until"); err != nil {
		return f, err
	}
	if !f.Since.IsZero() && !f.Until.IsZero() && !f.Since.Before(f.Until) {
		return f, errors.Invalid("until", "after", "must be later than since")
	}
	return f, nil
}

const maxParam = 64 // characters; no id or time is longer

// id returns the query parameter name as a UUID in canonical form, or zero if it is missing.
func id(c echo.Context, name string) (uuid.UUID, error) {
	text, err := request.Text(c, name, maxParam)
	if err != nil || text == "" {
		return uuid.Nil, err
	}
	id, err := uuid.Parse(text)
	if err != nil || len(text) != len(uuid.Nil.String()) {
		return uuid.Nil, errors.Invalid(name, "uuid", "must be a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057")
	}
	return id, nil
}

// instant returns the query parameter name as a time, or zero if it is missing.
func instant(c echo.Context, name string) (time.Time, error) {
	text, err := request.Text(c, name, maxParam)
	if err != nil || text == "" {
		return time.Time{}, err
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, errors.Invalid(name, "time",
			"must be a time of RFC 3339 such as 2026-01-31T12:00:00Z, with a + percent-encoded")
	}
	return t, nil
}
