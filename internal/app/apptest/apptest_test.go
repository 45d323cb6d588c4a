package apptest_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

func TestMain(m *testing.M) { platformtest.Main(m) }

// Tests of features rely on pools that are subject to row security.
func TestPoolIsSubjectToRowSecurity(t *testing.T) {
	t.Parallel()
	d := apptest.NewDatabase(t)
	tenant := d.Tenant(t)
	ann, bob, stranger := d.Member(t, tenant, access.RoleOwner), d.Member(t, tenant, access.RoleViewer), d.Member(t, d.Tenant(t), access.RoleOwner)
	assert.Equal(t, uuid.Version(7), ann.UserID.Version())
	assert.Equal(t, []auth.Role{access.RoleViewer}, bob.Roles)
	visibleTo := func(p auth.Principal) (list []uuid.UUID) {
		require.NoError(t, d.Pool.InTenant(apptest.As(t, p), func(ctx context.Context) (err error) {
			list, err = db.All[uuid.UUID](ctx, d.Pool, `select user_id from members order by user_id`)
			return err
		}))
		return list
	}
	assert.Equal(t, []uuid.UUID{ann.UserID, bob.UserID}, visibleTo(bob), "in the order of creation")
	assert.Equal(t, []uuid.UUID{stranger.UserID}, visibleTo(stranger))
	there := d.Join(t, tenant, stranger.UserID, access.RoleMember)
	assert.Equal(t, []uuid.UUID{ann.UserID, bob.UserID, stranger.UserID}, visibleTo(there))
	assert.Equal(t, 4, d.Count(t, `select count(*) from members`), "the superuser bypasses row security")
}

func TestCall(t *testing.T) {
	t.Parallel()
	e := apptest.Router()
	e.POST("/me", apptest.Handler(func(c echo.Context, p auth.Principal) error {
		c.Response().Header().Set("X-Agent", c.Request().UserAgent())
		return c.JSON(http.StatusCreated, map[string]any{"id": p.UserID})
	}))
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
	pages := map[string]apptest.Response{
		"":  {Status: http.StatusOK, Body: map[string]any{"items": []any{item("a"), item("b")}, "next_cursor": "x"}},
		"x": {Status: http.StatusOK, Body: map[string]any{"items": []any{item("c")}, "next_cursor": nil}},
	}
	assert.Equal(t, "ab,c", apptest.Pages(t, "name", func(cursor string) apptest.Response { return pages[cursor] }))
}
