package errors_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// problemSchema says what RFC 9457, section 3.1 says of the five members, and this package of its own.
const problemSchema = `{
	"$schema": "https://json-schema.org/draft/2020-12/schema",
	"type": "object",
	"properties": {
		"type":           {"type": "string", "format": "uri-reference"},
		"title":          {"type": "string", "minLength": 1},
		"status":         {"type": "integer", "minimum": 400, "maximum": 599},
		"detail":         {"type": "string", "minLength": 1},
		"instance":       {"type": "string", "format": "uri-reference"},
		"code":           {"type": "string", "pattern": "^[A-Z][A-Z0-9_]*$"},
		"correlation_id": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,128}$"},
		"timestamp":      {"type": "string", "format": "date-time", "pattern": "Z$"},
		"details": {
			"type": "object",
			"properties": {
				"fields": {"type": "array", "minItems": 1, "items": {
					"type": "object",
					"properties": {"field": {"type": "string"}, "rule": {"type": "string"}, "message": {"type": "string"}},
					"required": ["field", "rule", "message"],
					"additionalProperties": false
				}}
			}
		}
	},
	"required": ["type", "title", "status", "detail", "code", "correlation_id", "timestamp"],
	"additionalProperties": false
}`

func schema(tb testing.TB) *jsonschema.Schema {
	tb.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader([]byte(problemSchema)))
	require.NoError(tb, err)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	require.NoError(tb, c.AddResource("problem.json", doc))
	s, err := c.Compile("problem.json")
	require.NoError(tb, err)
	return s
}

func conforms(tb testing.TB, s *jsonschema.Schema, body []byte) {
	tb.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	require.NoError(tb, err, string(body))
	require.NoError(tb, s.Validate(doc), string(body))
}

func TestProblemsConformToRFC9457(t *testing.T) {
	t.Parallel()
	s := schema(t)
	for name, err := range map[string]error{
		"plain":        errors.Sentinel("x"),
		"fields":       errors.Validation(errors.FieldError{Field: "a\x00b", Rule: "\xff", Message: "<&>"}),
		"not found":    errors.NotFound("note", "\xff"),
		"Echo":         echo.NewHTTPError(http.StatusTeapot, "x"),
		"odd status":   &errors.Error{Code: errors.Code{Status: 7}},
		"no JSON":      errors.New(errors.CodeConflict, "").With("channel", make(chan int)),
		"message":      errors.New(errors.CodeConflict, "line\nbreak \u2028 \xff"),
		"retry":        errors.RateLimited(time.Hour),
		"code":         errors.CodeLLMTimeout,
		"odd apart":    echo.NewHTTPError(http.StatusUnavailableForLegalReasons, nil),
		"out of range": echo.NewHTTPError(700, nil),
	} {
		for _, target := range []string{"/", "/a%20b", "/ä", "//x//y", "/%ff", "/?q=secret", "/:x", "/a:b", "/a%2Fb", "/[x]", "/a%00"} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
			w := answer(r, nil, func(echo.Context) error { return err })
			conforms(t, s, w.Body.Bytes())
			assert.NotContains(t, w.Body.String(), "secret", name)

			r = httptest.NewRequestWithContext(t.Context(), http.MethodHead, target, nil)
			head := answer(r, nil, func(echo.Context) error { return err })
			assert.Equal(t, w.Code, head.Code, name)
			assert.Empty(t, head.Body.Bytes(), name)
		}
	}
}

// One error value is rendered by many requests at a time, and each gets its own id and path.
func TestSharedErrorsAreNotChanged(t *testing.T) {
	t.Parallel()
	shared := errors.New(errors.CodePermissionDenied, "").With("permission", "a:b").After(time.Second)
	before := *shared
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			id := "id-" + string(rune('A'+i%26))
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/"+id, nil)
			r.Header.Set(errors.HeaderCorrelationID, id)
			w := answer(r, nil, func(echo.Context) error { return shared })
			p := problemOf(t, w)
			assert.Equal(t, id, p.CorrelationID)
			assert.Equal(t, "/"+id, p.Instance)
		})
	}
	all.Wait()
	assert.Equal(t, before, *shared)
}

func FuzzFieldNames(f *testing.F) {
	s := schema(f)
	f.Add("title", "max_length", "must have at most 200 characters")
	f.Add("\xff\x00", "a\nb", "</script>\u2028")
	f.Fuzz(func(t *testing.T, field, rule, message string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		w := answer(r, nil, func(echo.Context) error { return errors.Invalid(field, rule, message) })
		conforms(t, s, w.Body.Bytes())
		assert.Equal(t, http.StatusBadRequest, w.Code)
		assert.NotContains(t, w.Body.String(), "\n")
	})
}

func FuzzCorrelationHeader(f *testing.F) {
	f.Add("aZ09._:-", "")
	f.Add("a b", "4bf92f3577b34da6a3ce929d0e0e4736")
	f.Add("x\r\nSet-Cookie: a=b", "\xff")
	f.Fuzz(func(t *testing.T, sent, fallback string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Header["X-Correlation-Id"] = []string{sent}
		e := echo.New()
		e.Use(errors.CorrelationMiddleware(func(*http.Request) string { return fallback }))
		e.GET("/", func(c echo.Context) error { return c.NoContent(http.StatusNoContent) })
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		got := w.Header().Values(errors.HeaderCorrelationID)
		require.Len(t, got, 1)
		require.True(t, errors.ValidCorrelationID(got[0]))
		switch {
		case errors.ValidCorrelationID(sent):
			require.Equal(t, sent, got[0])
		case errors.ValidCorrelationID(fallback):
			require.Equal(t, fallback, got[0])
		}
	})
}
