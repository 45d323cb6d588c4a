package apptest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// Router returns a router for the handlers of a feature. It renders errors as the service does, and guards nothing.
func Router() *echo.Echo {
	e := echo.New()
	e.HTTPErrorHandler = errors.Handler(nil)
	return e
}

// Answer is what a request was answered.
type Answer struct {
	Status int
	Header http.Header
	Body   map[string]any // nil for none
}

// Call makes one request of p, or of nobody where p has no user. Edits change the request before.
func Call(t testing.TB, e *echo.Echo, p auth.Principal, method, path, body string, edits ...func(*http.Request)) Answer {
	t.Helper()
	ctx := t.Context()
	if p.UserID != uuid.Nil {
		ctx = As(t, p)
	}
	r := httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for _, edit := range edits {
		edit(r)
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	a := Answer{Status: w.Code, Header: w.Header()}
	if w.Body.Len() > 0 {
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &a.Body), w.Body)
	}
	return a
}

// Problem asserts that a request was refused with a code, and returns the fields that were wrong.
func (a Answer) Problem(t testing.TB, code errors.Code) (fields []string) {
	t.Helper()
	assert.Equal(t, code.Status, a.Status, a.Body)
	assert.Equal(t, code.Name, a.Body["code"])
	details, _ := a.Body["details"].(map[string]any)
	list, _ := details["fields"].([]any)
	for _, field := range list {
		name, _ := field.(map[string]any)["field"].(string)
		fields = append(fields, name)
	}
	return fields
}
