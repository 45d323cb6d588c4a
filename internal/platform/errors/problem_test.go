package errors_test

import (
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

func TestDetailsReachTheClient(t *testing.T) {
	t.Parallel()
	p := problemOf(t, failing(t, errors.Invalid("tags.0", "max_length", "must have at most 50 characters")))
	assert.Equal(t, map[string]any{"fields": []any{
		map[string]any{"field": "tags.0", "rule": "max_length", "message": "must have at most 50 characters"},
	}}, p.Details)

	assert.Empty(t, problemOf(t, failing(t, errors.Validation())).Details)
	p = problemOf(t, failing(t, errors.PermissionDenied("notes:write")))
	assert.Equal(t, map[string]any{"permission": "notes:write"}, p.Details)
}

type explosive struct{}

func (explosive) MarshalJSON() ([]byte, error) { panic("no") }

func TestDetailsThatJSONCannotHoldAreLeftOut(t *testing.T) {
	t.Parallel()
	cycle := map[string]any{}
	cycle["self"] = cycle
	for _, value := range []any{math.NaN(), make(chan int), func() {}, cycle, explosive{}} {
		p := problemOf(t, failing(t, errors.New(errors.CodeConflict, "").With("value", value)))
		assert.Equal(t, "RESOURCE_CONFLICT", p.Code)
		assert.Nil(t, p.Details)
	}
}

func TestInstanceIsAnEscapedPathWithoutQuery(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/a%20b/%ff?token=hunter2", nil)
	w := answer(r, nil, func(echo.Context) error { return errors.NotFound("note", 1) })
	assert.Equal(t, "/a%20b/%ff", problemOf(t, w).Instance)
}

func TestInstanceIsAReferenceToTheSameHost(t *testing.T) {
	t.Parallel()
	s := schema(t)
	for _, tt := range []struct{ path, raw, want string }{
		{"/a b", "", "/a%20b"},
		{"/ключ/é", "", "/%D0%BA%D0%BB%D1%8E%D1%87/%C3%A9"},
		{"/a/b", "/a%2fb", "/a%2fb"},
		{"/a[b]", "/a[b]", "/a%5Bb%5D"},
		{"/\x00\"<\\", "", "/%00%22%3C%5C"},
		{"//evil.example/x", "", "/.//evil.example/x"},
		{"///", "", "/.///"},
		{"*", "", "*"},
	} {
		c := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		c.URL = &url.URL{Path: tt.path, RawPath: tt.raw}
		w := httptest.NewRecorder()
		errors.Handler(nil)(errors.NotFound("note", 1), echo.New().NewContext(c, w))
		conforms(t, s, w.Body.Bytes())
		got := problemOf(t, w).Instance
		assert.Equal(t, tt.want, got)
		u, err := url.Parse(got)
		require.NoError(t, err)
		assert.Empty(t, u.Host, tt.path)
	}
}
