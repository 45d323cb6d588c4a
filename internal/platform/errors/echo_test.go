package errors_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// What Echo's own binder refuses is named by field, never by value.
func TestBinderErrorsNameTheField(t *testing.T) {
	t.Parallel()
	type nested struct {
		Size int `json:"size" xml:"size"`
	}
	var dst struct {
		Limit int    `json:"limit" query:"limit"`
		Inner nested `json:"inner"`
	}
	bind := func(c echo.Context) error { return c.Bind(&dst) }
	number := func(c echo.Context) error { return echo.QueryParamsBinder(c).Int("limit", &dst.Limit).BindError() }
	for name, tt := range map[string]struct {
		target, mediaType, body string
		handler                 echo.HandlerFunc
		field, rule             string
	}{
		"type":        {"/", echo.MIMEApplicationJSON, `{"limit":"canary"}`, bind, "limit", "type"},
		"nested type": {"/", echo.MIMEApplicationJSON, `{"inner":{"size":"canary"}}`, bind, "inner.size", "type"},
		"not object":  {"/", echo.MIMEApplicationJSON, `["canary"]`, bind, "body", "type"},
		"syntax":      {"/", echo.MIMEApplicationJSON, `{"limit":canary}`, bind, "body", "syntax"},
		"cut off":     {"/", echo.MIMEApplicationJSON, `{"canary":`, bind, "body", "syntax"},
		"XML":         {"/", echo.MIMEApplicationXML, `<a><canary></a>`, bind, "body", "syntax"},
		"query":       {"/?limit=canary", "", "", number, "limit", "type"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, tt.target, strings.NewReader(tt.body))
			r.Header.Set(echo.HeaderContentType, tt.mediaType)
			var logged string
			w := answer(r, func(_ context.Context, e *errors.Error) { logged = e.Error() }, tt.handler)
			require.Equal(t, http.StatusBadRequest, w.Code, w.Body.String())
			var p struct {
				Code    string
				Details struct{ Fields []errors.FieldError }
			}
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &p))
			require.Len(t, p.Details.Fields, 1, w.Body.String())
			assert.Equal(t, "VALIDATION_ERROR", p.Code)
			assert.Equal(t, tt.field, p.Details.Fields[0].Field)
			assert.Equal(t, tt.rule, p.Details.Fields[0].Rule)
			assert.NotContains(t, w.Body.String(), "canary")
			assert.NotContains(t, logged, "canary")
			assert.Contains(t, logged, tt.field)
		})
	}
}

// Echo does not say which field of a query it could not read, but its text quotes the value.
func TestBinderErrorsWithoutAFieldKeepTheValueToThemselves(t *testing.T) {
	t.Parallel()
	var dst struct {
		Limit int `query:"limit"`
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/?limit=canary", nil)
	var seen *errors.Error
	w := answer(r, func(_ context.Context, e *errors.Error) { seen = e }, func(c echo.Context) error { return c.Bind(&dst) })
	assert.Equal(t, "VALIDATION_ERROR", problemOf(t, w).Code)
	assert.NotContains(t, w.Body.String(), "canary")
	require.NotNil(t, seen)
	assert.NotContains(t, seen.Error(), "canary")
	_, ok := errors.AsType[*echo.HTTPError](seen)
	assert.True(t, ok, "the cause is still there for code to look at")
}

func TestJSONErrorsOfTheServiceAreInternal(t *testing.T) {
	t.Parallel()
	var n int
	err := json.Unmarshal([]byte(`"x"`), &n)
	require.Error(t, err)
	assert.Equal(t, errors.CodeInternal, errors.From(err).Code)
	assert.Equal(t, errors.CodeInternal, errors.From(json.Unmarshal([]byte(`{`), &n)).Code)
	assert.Equal(t, errors.CodeInternal, errors.From((*echo.HTTPError)(nil)).Code)
	assert.Equal(t, errors.CodeInternal, errors.From((*echo.BindingError)(nil)).Code)
	assert.Equal(t, errors.CodeValidation, errors.From(echo.NewHTTPError(http.StatusBadRequest, "x")).Code)
}
