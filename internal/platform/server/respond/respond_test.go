package respond_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/netrun-systems/go-service-template/internal/platform/server/respond"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newContext(t testing.TB, method string) (echo.Context, *httptest.ResponseRecorder) {
	t.Helper()
	w := httptest.NewRecorder()
	return echo.New().NewContext(httptest.NewRequestWithContext(t.Context(), method, "/notes/1", nil), w), w
}

func TestJSON(t *testing.T) {
	t.Parallel()
	c, w := newContext(t, http.MethodGet)
	require.NoError(t, respond.JSON(c, http.StatusAccepted, map[string]int{"a": 1}))
	assert.Equal(t, http.StatusAccepted, w.Code)
	assert.Equal(t, "application/json", w.Header().Get("Content-Type"))
	assert.JSONEq(t, `{"a":1}`, w.Body.String())
}

func TestEncodingErrorDoesNotBeginTheResponse(t *testing.T) {
	t.Parallel()
	c, _ := newContext(t, http.MethodGet)
	require.Error(t, respond.JSON(c, http.StatusOK, make(chan int)))
	assert.False(t, c.Response().Committed)
}

func TestCreatedAndNoContent(t *testing.T) {
	t.Parallel()
	c, w := newContext(t, http.MethodPost)
	require.NoError(t, respond.Created(c, "/notes/1", map[string]int{"id": 1}))
	assert.Equal(t, http.StatusCreated, w.Code)
	assert.Equal(t, "/notes/1", w.Header().Get("Location"))

	c, w = newContext(t, http.MethodDelete)
	require.NoError(t, respond.NoContent(c))
	assert.Equal(t, http.StatusNoContent, w.Code)
	assert.Empty(t, w.Body.String())
}

func TestWithETag(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		method string
		sent   []string
		status int
	}{
		"no condition":      {http.MethodGet, nil, 200},
		"same":              {http.MethodGet, []string{`"7"`}, 304},
		"same, weak":        {http.MethodGet, []string{`W/"7"`}, 304},
		"in a list":         {http.MethodGet, []string{`"6", "7"`}, 304},
		"in another line":   {http.MethodGet, []string{`"6"`, `"7"`}, 304},
		"any":               {http.MethodGet, []string{`*`}, 304},
		"another":           {http.MethodGet, []string{`"8"`}, 200},
		"part of another":   {http.MethodGet, []string{`"a,7,b"`}, 200},
		"without quotes":    {http.MethodGet, []string{`7`}, 200},
		"HEAD":              {http.MethodHead, []string{`"7"`}, 304},
		"not for a PATCH":   {http.MethodPatch, []string{`"7"`}, 200},
		"malformed is none": {http.MethodGet, []string{`"7`}, 200},
	}
	for name, tt := range tests {
		c, w := newContext(t, tt.method)
		c.Request().Header["If-None-Match"] = tt.sent
		require.NoError(t, respond.WithETag(c, http.StatusOK, `"7"`, map[string]int{"a": 1}), name)
		assert.Equal(t, tt.status, w.Code, name)
		assert.Equal(t, `"7"`, w.Header().Get("ETag"), name)
		assert.Equal(t, "private, no-cache", w.Header().Get("Cache-Control"), name)
		assert.Equal(t, tt.status == http.StatusNotModified, w.Body.Len() == 0, name)
	}
}

func Example() {
	get := func(c echo.Context) error {
		return respond.WithETag(c, http.StatusOK, `"7"`, map[string]string{"title": "A note"})
	}
	r := httptest.NewRequest(http.MethodGet, "/notes/1", nil)
	r.Header.Set("If-None-Match", `"7"`)
	w := httptest.NewRecorder()
	_ = get(echo.New().NewContext(r, w))
	fmt.Println(w.Code, w.Header().Get("ETag"))
	// Output: 304 "7"
}

func BenchmarkWithETag(b *testing.B) {
	c, w := newContext(b, http.MethodGet)
	c.Request().Header.Set("If-None-Match", `"6", "5"`)
	b.ReportAllocs()
	for b.Loop() {
		w.Body.Reset()
		c.Response().Committed = false
		if err := respond.WithETag(c, http.StatusOK, `"7"`, struct{ A int }{1}); err != nil {
			b.Fatal(err)
		}
	}
}
