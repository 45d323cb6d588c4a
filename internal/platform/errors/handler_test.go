package errors_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// answer runs handler behind the correlation middleware and the error handler, as a server does.
func answer(r *http.Request, report func(context.Context, *errors.Error), handler echo.HandlerFunc) *httptest.ResponseRecorder {
	e := echo.New()
	e.HTTPErrorHandler = errors.Handler(report)
	e.Use(errors.CorrelationMiddleware())
	e.Any("/*", handler)
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	return w
}

func failing(t *testing.T, err error) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/notes", nil)
	return answer(r, nil, func(echo.Context) error { return err })
}

func problemOf(t *testing.T, w *httptest.ResponseRecorder) errors.Problem {
	t.Helper()
	var p errors.Problem
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
			assert.Equal(t, w.Header().Get(errors.HeaderCorrelationID), p.CorrelationID)
			assert.Equal(t, time.UTC, p.Timestamp.Location())
			assert.WithinDuration(t, time.Now(), p.Timestamp, time.Minute)

			assert.Equal(t, tt.status == 401 || tt.code == errors.CodePermissionDenied, w.Header().Get("WWW-Authenticate") != "")
			assert.Equal(t, tt.status == 429 || tt.status == 503, w.Header().Get("Retry-After") != "")
		})
	}
}

func TestRetryAfterIsWholeSecondsUpward(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "1", -time.Second: "1", time.Millisecond: "1", time.Second: "1", 1001 * time.Millisecond: "2", time.Hour: "3600",
	} {
		assert.Equal(t, want, failing(t, errors.RateLimited(d)).Header().Get("Retry-After"), d)
		assert.Equal(t, want, failing(t, errors.Unavailable(nil, "", d)).Header().Get("Retry-After"), d)
		assert.Equal(t, want, failing(t, errors.New(errors.CodeServiceUnavailable, "").After(d)).Header().Get("Retry-After"), d)
	}
}

func TestHeadHasNoBody(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodHead, "/x", nil)
	w := answer(r, nil, func(echo.Context) error { return errors.NotFound("note", 1) })
	assert.Equal(t, http.StatusNotFound, w.Code)
	assert.Equal(t, errors.MediaType, w.Header().Get("Content-Type"))
	assert.Empty(t, w.Body.Bytes())
}

func TestMethodNotAllowedNamesTheMethods(t *testing.T) {
	t.Parallel()
	e := echo.New()
	e.HTTPErrorHandler = errors.Handler(nil)
	e.GET("/notes", func(c echo.Context) error { return c.NoContent(http.StatusNoContent) })
	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodDelete, "/notes", nil))
	assert.Equal(t, http.StatusMethodNotAllowed, w.Code)
	assert.Equal(t, "METHOD_NOT_ALLOWED", problemOf(t, w).Code)
	assert.Contains(t, w.Header().Get("Allow"), http.MethodGet)
}

func TestCommittedResponseIsReportedAndLeftAlone(t *testing.T) {
	t.Parallel()
	var reports int
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	w := answer(r, func(context.Context, *errors.Error) { reports++ }, func(c echo.Context) error {
		if err := c.String(http.StatusOK, "half an answ"); err != nil {
			return err
		}
		return errors.Sentinel("connection lost")
	})
	assert.Equal(t, 1, reports)
	assert.Equal(t, http.StatusOK, w.Code)
	assert.Equal(t, "half an answ", w.Body.String())
}

func TestHeadersOfTheAnswerNotGivenAreRemoved(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	w := answer(r, nil, func(c echo.Context) error {
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
	handle := errors.Handler(func(ctx context.Context, e *errors.Error) { seen, id = e, errors.CorrelationID(ctx) })

	handle(fmt.Errorf("save the note: %w", cause), c) // no correlation middleware ran
	require.NotNil(t, seen)
	require.ErrorIs(t, seen, cause)
	assert.Contains(t, seen.Error(), "save the note: disk full")
	assert.NotEmpty(t, id)
	assert.Equal(t, id, w.Header().Get(errors.HeaderCorrelationID))
	assert.Equal(t, id, problemOf(t, w).CorrelationID)
}

func TestHandlerIgnoresNil(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	c := echo.New().NewContext(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil), w)
	errors.Handler(nil)(nil, c)
	assert.False(t, c.Response().Committed)
}

func TestCancellation(t *testing.T) {
	t.Parallel()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	handler := func(echo.Context) error { return fmt.Errorf("query: %w", context.Canceled) }

	w := answer(httptest.NewRequestWithContext(gone, http.MethodGet, "/", nil), nil, handler)
	assert.Equal(t, errors.StatusClientClosedRequest, w.Code, "the client is gone")
	assert.Empty(t, w.Body.String())

	w = answer(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil), nil, handler)
	assert.Equal(t, http.StatusInternalServerError, w.Code, "the client still waits: something inside cancelled")

	cut, cutOff := context.WithCancelCause(t.Context())
	cutOff(errors.Unavailable(nil, "Shutting down", 2*time.Second))
	w = answer(httptest.NewRequestWithContext(cut, http.MethodGet, "/", nil), nil, handler)
	assert.Equal(t, http.StatusServiceUnavailable, w.Code, "the server cancelled and said why")
	assert.Equal(t, "2", w.Header().Get("Retry-After"))
	assert.Equal(t, "Shutting down", problemOf(t, w).Detail)

	nothing, cutOff := context.WithCancelCause(t.Context())
	cutOff((*errors.Error)(nil))
	w = answer(httptest.NewRequestWithContext(nothing, http.MethodGet, "/", nil), nil, handler)
	assert.Equal(t, errors.StatusClientClosedRequest, w.Code, "a cause that is nil says nothing")
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
		{echo.NewHTTPError(599), 500, "INTERNAL_ERROR"},
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
