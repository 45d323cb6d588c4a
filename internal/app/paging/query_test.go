package paging_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/paging"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

func read(t testing.TB, query string) (paging.Query, error) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/?"+query, nil)
	return paging.FromRequest(echo.New().NewContext(r, httptest.NewRecorder()))
}

func TestFromRequest(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("A", 100)
	for query, want := range map[string]paging.Query{
		"":                     {Limit: 20},
		"limit=1":              {Limit: 1},
		"limit=100&cursor=abc": {Limit: 100, Cursor: "abc"},
		"cursor=":              {Limit: 20},
		"cursor=" + long:       {Limit: 20, Cursor: long},
		"other=x":              {Limit: 20},
	} {
		got, err := read(t, query)
		require.NoError(t, err, query)
		assert.Equal(t, want, got, query)
	}
	for query, want := range map[string]string{
		"limit=0": "limit", "limit=101": "limit", "limit=-1": "limit", "limit=": "limit", "limit=x": "limit", "limit=1.5": "limit",
		"limit=1&limit=1": "limit", "limit=99999999999999999999": "limit", "limit=x&cursor=%00": "limit",
		"cursor=" + long + "A": "cursor", "cursor=%00": "cursor", "cursor=%ff": "cursor", "cursor=a&cursor=a": "cursor",
	} {
		_, err := read(t, query)
		require.True(t, errors.HasCode(err, errors.CodeValidation), "%s: %v", query, err)
		fields, _ := errors.From(err).Details["fields"].([]errors.FieldError)
		require.Len(t, fields, 1)
		assert.Equal(t, want, fields[0].Field, query)
	}
}
