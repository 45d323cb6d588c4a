package apptest_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"

	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

func TestCall(t *testing.T) {
	t.Parallel()
	e := apptest.Router()
	e.POST("/me", func(c echo.Context) error {
		p, err := auth.Current(c.Request().Context())
		if err != nil {
			return err
		}
		c.Response().Header().Set("X-Agent", c.Request().UserAgent())
		return c.JSON(http.StatusCreated, map[string]any{"id": p.UserID})
	})
	e.DELETE("/me", func(c echo.Context) error { return c.NoContent(http.StatusNoContent) })
	e.PATCH("/me", func(echo.Context) error {
		return errors.Validation(errors.FieldError{Field: "name", Rule: "required"}, errors.FieldError{Field: "age", Rule: "range"})
	})
	p := auth.Principal{UserID: uuid.New()}

	got := apptest.Call(t, e, p, "POST", "/me", "", func(r *http.Request) { r.Header.Set("User-Agent", "Browser/2") })
	assert.Equal(t, http.StatusCreated, got.Status)
	assert.Equal(t, "Browser/2", got.Header.Get("X-Agent"))
	assert.Equal(t, map[string]any{"id": p.UserID.String()}, got.Body)
	assert.Equal(t, http.StatusNoContent, apptest.Call(t, e, p, "DELETE", "/me", "").Status)
	assert.Empty(t, apptest.Call(t, e, auth.Principal{}, "POST", "/me", "").Problem(t, errors.CodeAuthRequired))
	assert.Equal(t, []string{"name", "age"}, apptest.Call(t, e, p, "PATCH", "/me", "").Problem(t, errors.CodeValidation))
}

func TestPages(t *testing.T) {
	t.Parallel()
	item := func(name string) any { return map[string]any{"name": name} }
	pages := map[string]apptest.Answer{
		"":  {Status: http.StatusOK, Body: map[string]any{"items": []any{item("a"), item("b")}, "next_cursor": "x"}},
		"x": {Status: http.StatusOK, Body: map[string]any{"items": []any{item("c")}, "next_cursor": nil}},
	}
	assert.Equal(t, "ab,c", apptest.Pages(t, "name", func(cursor string) apptest.Answer { return pages[cursor] }))
}
