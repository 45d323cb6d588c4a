package errors_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

func TestCorrelationIDIsTakenOverOrReplaced(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		sent  string
		taken bool
	}{
		"valid":     {"aZ09._:-", true},
		"longest":   {strings.Repeat("a", 128), true},
		"absent":    {"", false},
		"too long":  {strings.Repeat("a", 129), false},
		"space":     {"a b", false},
		"new line":  {"a\nb", false},
		"not ASCII": {"é", false},
		"markup":    {"<script>", false},
	}
	for name, tt := range tests {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Header[http.CanonicalHeaderKey(errors.HeaderCorrelationID)] = []string{tt.sent}
		var inCtx string
		w := answer(r, nil, func(c echo.Context) error {
			inCtx = errors.CorrelationID(c.Request().Context())
			return c.NoContent(http.StatusNoContent)
		})
		got := w.Header().Get(errors.HeaderCorrelationID)
		assert.Equal(t, got, inCtx, name)
		if tt.taken {
			assert.Equal(t, tt.sent, got, name)
			continue
		}
		id, err := uuid.Parse(got)
		require.NoError(t, err, name)
		assert.Equal(t, uuid.Version(7), id.Version(), name)
	}
}

func TestNewCorrelationIDsAreUniqueAndSortByTime(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 10_000 {
		seen[errors.NewCorrelationID()] = true
	}
	assert.Len(t, seen, 10_000)

	before := time.Now().Truncate(time.Millisecond)
	id := uuid.MustParse(errors.NewCorrelationID())
	assert.Equal(t, uuid.Version(7), id.Version())
	assert.Equal(t, uuid.RFC4122, id.Variant())
	seconds, nanoseconds := id.Time().UnixTime()
	assert.WithinRange(t, time.Unix(seconds, nanoseconds), before, time.Now())
}

func TestNoCorrelationID(t *testing.T) {
	t.Parallel()
	assert.Empty(t, errors.CorrelationID(t.Context()))
}

func FuzzValidCorrelationID(f *testing.F) {
	for _, seed := range []string{"", "a", "a\r\nSet-Cookie: x", "ü", strings.Repeat("a", 129), "0-9._:"} {
		f.Add(seed)
	}
	allowed := regexp.MustCompile(`\A[A-Za-z0-9._:-]{1,128}\z`)
	f.Fuzz(func(t *testing.T, id string) {
		if errors.ValidCorrelationID(id) != allowed.MatchString(id) {
			t.Fatalf("%q", id)
		}
	})
}

func TestFirstValidFallbackIsTaken(t *testing.T) {
	t.Parallel()
	says := func(id string) func(*http.Request) string { return func(*http.Request) string { return id } }
	for sent, want := range map[string]string{"": "second", "not valid": "second", "valid": "valid"} {
		e := echo.New()
		e.Use(errors.CorrelationMiddleware(says(""), says("a b"), says("second"), says("third")))
		e.GET("/", func(c echo.Context) error { return c.NoContent(http.StatusNoContent) })
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Header.Set(errors.HeaderCorrelationID, sent)
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		assert.Equal(t, want, w.Header().Get(errors.HeaderCorrelationID), sent)
	}
}

func TestSeveralCorrelationIDsAreNone(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.Header["X-Correlation-Id"] = []string{"one", "two"}
	w := answer(r, nil, func(c echo.Context) error { return c.NoContent(http.StatusNoContent) })
	assert.NotContains(t, []string{"one", "two"}, w.Header().Get(errors.HeaderCorrelationID))
}
