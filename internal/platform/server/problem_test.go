package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/server"
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

func TestDetailsThatCannotBeEncodedAreOmitted(t *testing.T) {
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
	w := respondTo(r, nil, func(echo.Context) error { return errors.NotFound("note", 1) })
	assert.Equal(t, "/a%20b/%ff", problemOf(t, w).Instance)
}

func TestInstanceHasNoHost(t *testing.T) {
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
		server.ErrorHandler(nil)(errors.NotFound("note", 1), echo.New().NewContext(c, w))
		conforms(t, s, w.Body.Bytes())
		got := problemOf(t, w).Instance
		assert.Equal(t, tt.want, got)
		u, err := url.Parse(got)
		require.NoError(t, err)
		assert.Empty(t, u.Host, tt.path)
	}
}

var quiet = func() logging.Logger {
	core, err := logging.NewCore(logging.Options{Output: io.Discard})
	if err != nil {
		panic(err)
	}
	return logging.New(core, "test")
}()

// respondTo runs handler behind the outermost middleware and the error handler, which the access
// log calls before the ctx of the request ends.
func respondTo(
	r *http.Request, report func(context.Context, *errors.Error), handler echo.HandlerFunc,
) *httptest.ResponseRecorder {
	e := echo.New()
	e.HTTPErrorHandler = server.ErrorHandler(report)
	e.Use(server.RequestContext(time.Minute), server.AccessLog(quiet))
	e.Any("/*", handler)
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	return w
}

func failing(t *testing.T, err error) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/notes", nil)
	return respondTo(r, nil, func(echo.Context) error { return err })
}

func problemOf(t *testing.T, w *httptest.ResponseRecorder) server.Problem {
	t.Helper()
	var p server.Problem
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &p), w.Body.String())
	return p
}

func TestEveryCodeIsAProblem(t *testing.T) {
	t.Parallel()
	codes := []struct {
		code   errors.Code
		name   string
		status int
	}{
		{errors.CodeValidation, "VALIDATION_ERROR", 400},
		{errors.CodeAuthentication, "AUTHENTICATION_ERROR", 401},
		{errors.CodeAuthRequired, "AUTH_REQUIRED", 401},
		{errors.CodeInvalidCredentials, "AUTH_INVALID_CREDENTIALS", 401},
		{errors.CodeTokenExpired, "AUTH_TOKEN_EXPIRED", 401},
		{errors.CodeTokenInvalid, "AUTH_TOKEN_INVALID", 401},
		{errors.CodeTokenRevoked, "AUTH_TOKEN_REVOKED", 401},
		{errors.CodeAuthorization, "AUTHORIZATION_ERROR", 403},
		{errors.CodePermissionDenied, "PERMISSION_DENIED", 403},
		{errors.CodeTenantAccessDenied, "TENANT_ACCESS_DENIED", 403},
		{errors.CodeNotFound, "RESOURCE_NOT_FOUND", 404},
		{errors.CodeMethodNotAllowed, "METHOD_NOT_ALLOWED", 405},
		{errors.CodeRequestTimeout, "REQUEST_TIMEOUT", 408},
		{errors.CodeConflict, "RESOURCE_CONFLICT", 409},
		{errors.CodePreconditionFailed, "PRECONDITION_FAILED", 412},
		{errors.CodePayloadTooLarge, "PAYLOAD_TOO_LARGE", 413},
		{errors.CodeUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", 415},
		{errors.CodePreconditionRequired, "PRECONDITION_REQUIRED", 428},
		{errors.CodeRateLimitExceeded, "RATE_LIMIT_EXCEEDED", 429},
		{errors.CodeInternal, "INTERNAL_ERROR", 500},
		{errors.CodeDatabase, "DATABASE_ERROR", 500},
		{errors.CodeBadGateway, "BAD_GATEWAY", 502},
		{errors.CodeExternalService, "EXTERNAL_SERVICE_ERROR", 502},
		{errors.CodeServiceUnavailable, "SERVICE_UNAVAILABLE", 503},
		{errors.CodeGatewayTimeout, "GATEWAY_TIMEOUT", 504},
		{errors.CodeCORSValidation, "CORS_VALIDATION_ERROR", 400},
		{errors.CodeLLMUnavailable, "LLM_UNAVAILABLE", 503},
		{errors.CodeLLMInvalidRequest, "LLM_INVALID_REQUEST", 400},
		{errors.CodeLLMContextTooLong, "LLM_CONTEXT_TOO_LONG", 413},
		{errors.CodeLLMContentFiltered, "LLM_CONTENT_FILTERED", 422},
		{errors.CodeLLMBudgetExceeded, "LLM_BUDGET_EXCEEDED", 429},
		{errors.CodeLLMTimeout, "LLM_TIMEOUT", 504},
		{errors.CodeLLMTruncated, "LLM_TRUNCATED", 502},
		{errors.Code{}, "INTERNAL_ERROR", 500},
		{errors.Code{Name: "NOT_AN_ERROR", Status: 200}, "NOT_AN_ERROR", 500},
		{errors.Code{Name: "QUOTA", Status: 460, Message: "Quota used up"}, "QUOTA", 460},
	}
	s := schema(t)
	for _, tt := range codes {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := failing(t, errors.Wrap(errors.Sentinel("pq: password=hunter2"), tt.code, ""))
			assert.Equal(t, tt.status, w.Code)
			assert.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
			assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
			assert.NotContains(t, w.Body.String(), "hunter2")

			conforms(t, s, w.Body.Bytes())
			p := problemOf(t, w)
			assert.Equal(t, "about:blank", p.Type)
			assert.NotEmpty(t, p.Title)
			assert.NotEmpty(t, p.Detail)
			assert.Equal(t, tt.status, p.Status)
			assert.Equal(t, tt.name, p.Code)
			assert.Equal(t, "/v1/notes", p.Instance)
			assert.Equal(t, w.Header().Get(echo.HeaderXCorrelationID), p.CorrelationID)
			assert.Equal(t, time.UTC, p.Timestamp.Location())
			assert.WithinDuration(t, time.Now(), p.Timestamp, time.Minute)

			assert.Equal(t, tt.status == 401 || tt.code == errors.CodePermissionDenied, w.Header().Get("WWW-Authenticate") != "")
			assert.Equal(t, tt.status == 429 || tt.status == 503, w.Header().Get("Retry-After") != "")
		})
	}
}

func TestRetryAfterIsRoundedUpToSeconds(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "1", -time.Second: "1", time.Millisecond: "1", time.Second: "1", 1001 * time.Millisecond: "2", time.Hour: "3600",
	} {
		assert.Equal(t, want, failing(t, errors.RateLimited(d)).Header().Get("Retry-After"), d)
		assert.Equal(t, want, failing(t, errors.Unavailable(nil, "", d)).Header().Get("Retry-After"), d)
	}
}

func TestHeadHasNoBody(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodHead, "/x", nil)
	w := respondTo(r, nil, func(echo.Context) error { return errors.NotFound("note", 1) })
	assert.Equal(t, http.StatusNotFound, w.Code)
	assert.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
	assert.Empty(t, w.Body.Bytes())
}

func TestMethodNotAllowedSetsAllow(t *testing.T) {
	t.Parallel()
	e := echo.New()
	e.HTTPErrorHandler = server.ErrorHandler(nil)
	e.GET("/notes", func(c echo.Context) error { return c.NoContent(http.StatusNoContent) })
	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodDelete, "/notes", nil))
	assert.Equal(t, http.StatusMethodNotAllowed, w.Code)
	assert.Equal(t, "METHOD_NOT_ALLOWED", problemOf(t, w).Code)
	assert.Contains(t, w.Header().Get("Allow"), http.MethodGet)
}

// A client must not take the first part of a response for the whole.
func TestFailureAfterTheResponseBeganBreaksTheConnection(t *testing.T) {
	t.Parallel()
	failures := map[string]struct {
		fail   func() error
		raised int // exception_raised lines
	}{
		"error":         {func() error { return errors.Sentinel("connection lost") }, 1},
		"client error":  {func() error { return errors.NotFound("note", 1) }, 1},
		"panic":         {func() error { panic("boom") }, 1},
		"abort handler": {func() error { panic(http.ErrAbortHandler) }, 0},
	}
	begin := map[string]func(c echo.Context) error{
		"flushed": func(c echo.Context) error {
			err := c.Blob(http.StatusOK, "application/json", []byte(`[{"id":1},`))
			c.Response().Flush()
			return err
		},
		"buffered": func(c echo.Context) error { return c.String(http.StatusOK, "half an answ") },
		"with its length": func(c echo.Context) error {
			c.Response().Header().Set("Content-Length", "100")
			err := c.String(http.StatusOK, "half an answ")
			c.Response().Flush()
			return err
		},
		"whole": func(c echo.Context) error { return c.JSON(http.StatusOK, "all of it") },
	}
	for begun, write := range begin {
		for name, failure := range failures {
			t.Run(begun+", "+name, func(t *testing.T) {
				t.Parallel()
				r := start(t, settings(t), func(e *echo.Echo) {
					e.GET("/", func(c echo.Context) error {
						if err := write(c); err != nil {
							return err
						}
						return failure.fail()
					})
				})
				require.Error(t, r.get(t, "/").err, "the client reads a complete response")
				line := r.logs.await(t, "http_request")[0]
				assert.Equal(t, []any{"info", 200.0, true}, []any{line["level"], line["status"], line["aborted"]})
				assert.Len(t, r.logs.events(t, "exception_raised"), failure.raised)
			})
		}
	}
}

// Middleware such as otelecho renders the error with c.Error and returns it as well.
func TestErrorIsHandledOnce(t *testing.T) {
	t.Parallel()
	r := start(t, settings(t), func(e *echo.Echo) {
		e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
			return func(c echo.Context) error {
				err := next(c)
				c.Error(err)
				return err
			}
		})
		e.GET("/", func(echo.Context) error { return errors.Conflict("The title is taken") })
	})
	a := r.get(t, "/")
	assert.Equal(t, "RESOURCE_CONFLICT", a.json(t)["code"])
	r.logs.await(t, "http_request")
	assert.Len(t, r.logs.events(t, "exception_raised"), 1)
}

func TestProblemRemovesHeadersOfTheHandler(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	w := respondTo(r, nil, func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("Content-Length", "4")
		h.Set("ETag", `"7"`)
		h.Set("Cache-Control", "public, max-age=3600")
		return errors.New(errors.CodeConflict, "")
	})
	assert.Empty(t, w.Header().Get("Content-Length"))
	assert.Empty(t, w.Header().Get("ETag"))
	assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
}

func TestReportGetsTheErrorAndTheCorrelationID(t *testing.T) {
	t.Parallel()
	e := echo.New()
	w := httptest.NewRecorder()
	c := e.NewContext(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil), w)
	cause := errors.Sentinel("disk full")
	var seen *errors.Error
	var id string
	handle := server.ErrorHandler(func(ctx context.Context, e *errors.Error) { seen, id = e, errors.CorrelationID(ctx) })

	handle(fmt.Errorf("save the note: %w", cause), c) // no middleware ran
	require.NotNil(t, seen)
	require.ErrorIs(t, seen, cause)
	assert.Contains(t, seen.Error(), "save the note: disk full")
	assert.NotEmpty(t, id)
	assert.Equal(t, id, w.Header().Get(echo.HeaderXCorrelationID))
	assert.Equal(t, id, problemOf(t, w).CorrelationID)
}

func TestErrorHandlerIgnoresNil(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	c := echo.New().NewContext(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil), w)
	server.ErrorHandler(nil)(nil, c)
	assert.False(t, c.Response().Committed)
}

func TestCancellation(t *testing.T) {
	t.Parallel()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	handler := func(echo.Context) error { return fmt.Errorf("query: %w", context.Canceled) }

	w := respondTo(httptest.NewRequestWithContext(gone, http.MethodGet, "/", nil), nil, handler)
	assert.Equal(t, errors.StatusClientClosedRequest, w.Code, "the client closed the request")
	assert.Empty(t, w.Body.String())

	w = respondTo(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil), nil, handler)
	assert.Equal(t, http.StatusInternalServerError, w.Code, "the service canceled, the client waits")

	cut, cutOff := context.WithCancelCause(t.Context())
	cutOff(errors.Unavailable(nil, "Shutting down", 2*time.Second))
	w = respondTo(httptest.NewRequestWithContext(cut, http.MethodGet, "/", nil), nil, handler)
	assert.Equal(t, http.StatusServiceUnavailable, w.Code, "the server canceled with a cause")
	assert.Equal(t, "2", w.Header().Get("Retry-After"))
	assert.Equal(t, "Shutting down", problemOf(t, w).Detail)

	nothing, cutOff := context.WithCancelCause(t.Context())
	cutOff((*errors.Error)(nil))
	w = respondTo(httptest.NewRequestWithContext(nothing, http.MethodGet, "/", nil), nil, handler)
	assert.Equal(t, errors.StatusClientClosedRequest, w.Code, "a nil cause is no cause")
}

func TestEchoErrorsKeepTheirStatus(t *testing.T) {
	t.Parallel()
	tests := []struct {
		err    error
		status int
		code   string
	}{
		{echo.ErrNotFound, 404, "RESOURCE_NOT_FOUND"},
		{fmt.Errorf("route: %w", echo.ErrMethodNotAllowed), 405, "METHOD_NOT_ALLOWED"},
		{fmt.Errorf("a: %w", fmt.Errorf("b: %w", echo.ErrUnsupportedMediaType)), 415, "UNSUPPORTED_MEDIA_TYPE"},
		{errors.Join(errors.Sentinel("x"), echo.ErrForbidden), 403, "AUTHORIZATION_ERROR"},
		{echo.ErrNotAcceptable, 406, "NOT_ACCEPTABLE"},
		{echo.ErrTeapot, 418, "IM_A_TEAPOT"},
		{echo.NewHTTPError(http.StatusBadRequest, "secret=hunter2"), 400, "VALIDATION_ERROR"},
		{echo.NewHTTPError(http.StatusNonAuthoritativeInfo), 500, "INTERNAL_ERROR"},
		{echo.NewHTTPError(419), 419, "STATUS_419"},
		{echo.NewHTTPError(599), 599, "STATUS_599"},
		{echo.NewHTTPError(600), 500, "INTERNAL_ERROR"},
		{(*echo.HTTPError)(nil), 500, "INTERNAL_ERROR"},
		{errors.Internal(echo.ErrTeapot, "read the note"), 500, "INTERNAL_ERROR"},
		{fmt.Errorf("x: %w", errors.Internal(echo.ErrTeapot, "read the note")), 500, "INTERNAL_ERROR"},
		{echo.NewHTTPError(400).SetInternal(&http.MaxBytesError{Limit: 10}), 413, "PAYLOAD_TOO_LARGE"},
		{echo.NewHTTPError(400).SetInternal(errors.NotFound("note", 1)), 404, "RESOURCE_NOT_FOUND"},
	}
	for _, tt := range tests {
		w := failing(t, tt.err)
		assert.Equal(t, tt.status, w.Code, tt.err)
		assert.Equal(t, tt.code, problemOf(t, w).Code, tt.err)
		assert.NotContains(t, w.Body.String(), "hunter2")
	}
}

func TestChallenge(t *testing.T) {
	t.Parallel()
	for code, want := range map[errors.Code]string{
		errors.CodeAuthRequired:       `Bearer`,
		errors.CodeInvalidCredentials: `Bearer`,
		errors.CodeTokenExpired:       `Bearer error="invalid_token", error_description="The access token has expired"`,
		errors.CodeTokenInvalid:       `Bearer error="invalid_token", error_description="The access token is not valid"`,
		errors.CodeTokenRevoked:       `Bearer error="invalid_token", error_description="The access token has been revoked"`,
	} {
		assert.Equal(t, want, failing(t, errors.New(code, "")).Header().Get("WWW-Authenticate"), code)
	}
}

// RFC 6750, section 3: an error_description has no quotes, no backslashes and nothing beyond
// printable ASCII.
func TestChallengeDescriptionIsPlainASCII(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]string{
		"The API key has expired":     `The API key has expired`,
		"say \"no\" to C:\\":          `say 'no' to C:?`,
		"line\r\nSet-Cookie: a=é\x7f": `line??Set-Cookie: a=??`,
	} {
		got := failing(t, errors.New(errors.CodeTokenExpired, message)).Header().Get("WWW-Authenticate")
		assert.Equal(t, `Bearer error="invalid_token", error_description="`+want+`"`, got)
	}
}

func TestChallengeNamesMissingPermission(t *testing.T) {
	t.Parallel()
	for permission, want := range map[string]string{
		"notes:write": `Bearer error="insufficient_scope", scope="notes:write"`,
		"":            `Bearer error="insufficient_scope"`,
		`a"b`:         `Bearer error="insufficient_scope"`,
		"a b":         `Bearer error="insufficient_scope"`,
		"a\r\nb":      `Bearer error="insufficient_scope"`,
	} {
		w := failing(t, errors.PermissionDenied(permission))
		assert.Equal(t, want, w.Header().Get("WWW-Authenticate"), permission)
	}
	assert.Empty(t, failing(t, errors.New(errors.CodeTenantAccessDenied, "")).Header().Get("WWW-Authenticate"))
}

func TestJSONErrorsOfTheServiceAreInternal(t *testing.T) {
	t.Parallel()
	var n int
	err := json.Unmarshal([]byte(`"x"`), &n)
	require.Error(t, err)
	assert.Equal(t, errors.CodeInternal, errors.From(err).Code)
	assert.Equal(t, errors.CodeInternal, errors.From(json.Unmarshal([]byte(`{`), &n)).Code)
}

// problemSchema describes the members of RFC 9457, section 3.1, and the extensions of this package.
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
			w := respondTo(r, nil, func(echo.Context) error { return err })
			conforms(t, s, w.Body.Bytes())
			assert.NotContains(t, w.Body.String(), "secret", name)

			r = httptest.NewRequestWithContext(t.Context(), http.MethodHead, target, nil)
			head := respondTo(r, nil, func(echo.Context) error { return err })
			assert.Equal(t, w.Code, head.Code, name)
			assert.Empty(t, head.Body.Bytes(), name)
		}
	}
}

// Many requests render one error value at a time, each with its own id and path.
func TestErrorHandlerDoesNotChangeErrors(t *testing.T) {
	t.Parallel()
	shared := errors.New(errors.CodePermissionDenied, "").With("permission", "a:b")
	before := *shared
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			id := "id-" + string(rune('A'+i%26))
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/"+id, nil)
			r.Header.Set(echo.HeaderXCorrelationID, id)
			w := respondTo(r, nil, func(echo.Context) error { return shared })
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
		w := respondTo(r, nil, func(echo.Context) error { return errors.Invalid(field, rule, message) })
		conforms(t, s, w.Body.Bytes())
		assert.Equal(t, http.StatusBadRequest, w.Code)
		assert.NotContains(t, w.Body.String(), "\n")
	})
}
