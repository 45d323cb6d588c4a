package errors_test

import (
	"context"
	"database/sql"
	"encoding/json"
	stderrors "errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

func TestErrorTextIsMessageAndCause(t *testing.T) {
	t.Parallel()
	cause := errors.Sentinel("no route to host")
	assert.Equal(t, "Too many requests", errors.New(errors.CodeRateLimitExceeded, "").Error())
	assert.Equal(t, "Slow down: no route to host", errors.Wrap(cause, errors.CodeRateLimitExceeded, "Slow down").Error())
	assert.Equal(t, "An unexpected error occurred: read the key: no route to host", errors.Internal(cause, "read the key").Error())
	assert.Equal(t, "An unexpected error occurred", (&errors.Error{}).Error())
}

func TestWithAndAfterLeaveTheOriginalAlone(t *testing.T) {
	t.Parallel()
	original := errors.New(errors.CodeConflict, "").With("a", 1)
	changed := original.With("b", 2).After(time.Second)
	assert.Equal(t, map[string]any{"a": 1}, original.Details)
	assert.Zero(t, original.RetryAfter)
	assert.Equal(t, map[string]any{"a": 1, "b": 2}, changed.Details)
	assert.Equal(t, time.Second, changed.RetryAfter)
}

func TestFrom(t *testing.T) {
	t.Parallel()
	conflict := errors.New(errors.CodeConflict, "")
	tests := map[string]struct {
		err  error
		want errors.Code
	}{
		"own":           {conflict, errors.CodeConflict},
		"wrapped":       {fmt.Errorf("insert: %w", conflict), errors.CodeConflict},
		"outermost":     {errors.Wrap(conflict, errors.CodeNotFound, ""), errors.CodeNotFound},
		"joined":        {errors.Join(errors.Sentinel("x"), conflict), errors.CodeConflict},
		"cancelled":     {fmt.Errorf("x: %w", context.Canceled), errors.CodeClientClosedRequest},
		"deadline":      {fmt.Errorf("x: %w", context.DeadlineExceeded), errors.CodeGatewayTimeout},
		"too large":     {fmt.Errorf("x: %w", &http.MaxBytesError{Limit: 7}), errors.CodePayloadTooLarge},
		"unforeseen":    {errors.Sentinel("x"), errors.CodeInternal},
		"typed nil":     {(*errors.Error)(nil), errors.CodeInternal},
		"no rows alone": {sql.ErrNoRows, errors.CodeInternal},
	}
	for name, tt := range tests {
		got := errors.From(tt.err)
		require.NotNil(t, got, name)
		assert.Equal(t, tt.want, got.Code, name)
		assert.ErrorIs(t, got, tt.err, name)
	}
	assert.Nil(t, errors.From(nil))
	assert.Same(t, conflict, errors.From(conflict), "nothing to add, nothing to copy")
	assert.Equal(t, int64(7), errors.From(tests["too large"].err).Details["limit_bytes"])
	assert.Contains(t, errors.From(tests["wrapped"].err).Error(), "insert: ", "the log keeps what was tried")
}

func TestNilErrorInAnInterfaceDoesNotPanic(t *testing.T) {
	t.Parallel()
	var none *errors.Error
	err := fmt.Errorf("wrapped: %w", none)
	assert.NotPanics(t, func() {
		assert.Equal(t, http.StatusInternalServerError, errors.From(err).Status())
		assert.False(t, errors.HasCode(err, errors.CodeInternal))
		assert.NotErrorIs(t, err, context.Canceled)
		assert.Equal(t, http.StatusInternalServerError, none.Status())
		assert.Nil(t, none.Stack())
		assert.NoError(t, none.Unwrap())
	})
}

func TestHasCode(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("x: %w", errors.NotFound("note", 1))
	assert.True(t, errors.HasCode(err, errors.CodeNotFound))
	assert.False(t, errors.HasCode(err, errors.CodeConflict))
	assert.False(t, errors.HasCode(errors.Sentinel("x"), errors.CodeNotFound))
}

func TestNotFoundOr(t *testing.T) {
	t.Parallel()
	other := errors.Sentinel("other")
	require.NoError(t, errors.NotFoundOr(nil, "note", 1))
	require.ErrorIs(t, errors.NotFoundOr(other, "note", 1), other)
	e, ok := errors.AsType[*errors.Error](errors.NotFoundOr(fmt.Errorf("get: %w", sql.ErrNoRows), "note", 42))
	require.True(t, ok)
	assert.Equal(t, errors.CodeNotFound, e.Code)
	assert.Equal(t, map[string]any{"resource_type": "note", "resource_id": "42"}, e.Details)
}

func TestCodeIsItsNameInTextAndJSON(t *testing.T) {
	t.Parallel()
	out, err := json.Marshal(errors.CodeNotFound)
	require.NoError(t, err)
	assert.JSONEq(t, `"RESOURCE_NOT_FOUND"`, string(out))
	assert.Equal(t, "RESOURCE_NOT_FOUND", fmt.Sprint(errors.CodeNotFound))
}

func TestStandardFunctions(t *testing.T) {
	t.Parallel()
	inner := errors.Sentinel("inner")
	err := errors.Join(nil, fmt.Errorf("outer: %w", inner))
	assert.True(t, errors.Is(err, inner))
	assert.False(t, errors.Is(errors.Sentinel("inner"), inner), "a sentinel equals only itself")
	assert.Equal(t, inner, errors.Unwrap(fmt.Errorf("outer: %w", inner)))
	var e *errors.Error
	assert.False(t, errors.As(err, &e))
	assert.NoError(t, errors.Join(nil, nil))
	assert.Equal(t, stderrors.ErrUnsupported, errors.ErrUnsupported)
}

//go:noinline
func born() error { return errors.Wrap(sql.ErrConnDone, errors.CodeDatabase, "") }

func TestStackIsThatOfTheInnermostError(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("two: %w", errors.Wrap(fmt.Errorf("one: %w", born()), errors.CodeInternal, ""))
	stack := errors.From(err).Stack()
	require.NotEmpty(t, stack)
	assert.True(t, strings.HasPrefix(stack[0], "github.com/") && strings.Contains(stack[0], "errors_test.born "), stack[0])
	assert.Contains(t, stack[0], "error_test.go:")
	assert.Nil(t, errors.New(errors.CodeNotFound, "").Stack(), "a 4xx has none")
	assert.Nil(t, errors.From(fmt.Errorf("x: %w", errors.NotFound("note", 1))).Stack())
}

func TestEachConstructorNamesItsCaller(t *testing.T) {
	t.Parallel()
	cause := errors.Sentinel("x")
	for _, e := range []*errors.Error{
		errors.New(errors.CodeInternal, ""), errors.Wrap(cause, errors.CodeInternal, ""), errors.Internal(cause, "x"),
		errors.Unavailable(cause, "", 0), errors.From(cause).With("a", 1), errors.ExternalService(cause, "mail"),
		errors.BadGateway(cause, "mail"), errors.GatewayTimeout(cause, "mail"),
	} {
		assert.Contains(t, e.Stack()[0], "TestEachConstructorNamesItsCaller")
	}
	notFound, _ := errors.AsType[*errors.Error](errors.NotFoundOr(sql.ErrNoRows, "note", 1))
	for i, e := range []*errors.Error{
		errors.New(errors.CodeConflict, ""), errors.Wrap(cause, errors.CodeConflict, ""), errors.Invalid("a", "b", "c"),
		errors.Validation(), errors.NotFound("note", 1), notFound, errors.RateLimited(0), errors.PermissionDenied("a:b"),
		errors.Conflict("taken"), errors.New(errors.CodeConflict, "").With("a", 1).After(1),
		errors.From(fmt.Errorf("x: %w", errors.NotFound("note", 1))), errors.Wrap(errors.NotFound("note", 1), errors.CodeConflict, ""),
	} {
		assert.Contains(t, e.Caller(), "TestEachConstructorNamesItsCaller", i)
		assert.Contains(t, e.Caller(), "error_test.go:", i)
		assert.Nil(t, e.Stack(), i)
	}
}

func TestErrorsOfOthersHaveNoCaller(t *testing.T) {
	t.Parallel()
	var none *errors.Error
	assert.Empty(t, none.Caller())
	assert.Empty(t, (&errors.Error{}).Caller())
	assert.Empty(t, errors.From(echo.ErrNotFound).Caller())
	assert.Empty(t, errors.From(errors.CodeConflict).Caller())
	outer := errors.Wrap(errors.From(born()), errors.CodeConflict, "")
	assert.Contains(t, outer.Caller(), "errors_test.born ", "the innermost one says where it began")
}

func TestIsFindsCodes(t *testing.T) {
	t.Parallel()
	err := errors.Join(errors.Sentinel("x"), fmt.Errorf("x: %w", errors.Wrap(errors.NotFound("note", 1), errors.CodeConflict, "")))
	assert.ErrorIs(t, err, errors.CodeConflict)
	assert.ErrorIs(t, err, errors.CodeNotFound)
	assert.NotErrorIs(t, err, errors.CodeDatabase)
	one, other := errors.New(errors.CodeConflict, ""), errors.New(errors.CodeConflict, "")
	assert.NotErrorIs(t, one, other, "two errors are two")
	assert.NotErrorIs(t, (*errors.Error)(nil), errors.CodeInternal)
	assert.ErrorIs(t, fmt.Errorf("x: %w", errors.CodeConflict), errors.CodeConflict)
	e := errors.From(fmt.Errorf("x: %w", errors.CodeConflict))
	assert.Equal(t, errors.CodeConflict, e.Code)
	assert.Contains(t, e.Error(), "x: RESOURCE_CONFLICT")
}

func TestMappersKnowTheErrorsOfOthers(t *testing.T) {
	t.Parallel()
	foreign := errors.Sentinel("pq: password=hunter2")
	knows := func(err error) *errors.Error {
		if !errors.Is(err, foreign) {
			return nil
		}
		return errors.Wrap(err, errors.CodeDatabase, "")
	}
	explodes := func(error) *errors.Error { panic("no idea") }
	e := errors.From(fmt.Errorf("insert: %w", foreign), explodes, knows)
	assert.Equal(t, errors.CodeDatabase, e.Code)
	assert.ErrorIs(t, e, foreign)
	assert.Contains(t, e.Error(), "insert: ")
	assert.Equal(t, errors.CodeInternal, errors.From(errors.Sentinel("x"), explodes, knows).Code)
	own := errors.Wrap(foreign, errors.CodeConflict, "")
	assert.Equal(t, errors.CodeConflict, errors.From(own, knows).Code, "an error of ours needs no mapper")
}

func TestDetailsAreNotShared(t *testing.T) {
	t.Parallel()
	fields := []errors.FieldError{{Field: "a", Rule: "b", Message: "c"}}
	e := errors.Validation(fields...)
	fields[0].Field = "changed"
	assert.Equal(t, "a", e.Details["fields"].([]errors.FieldError)[0].Field)
}

//go:noinline
func explode(value any) { panic(value) }

func TestRecovered(t *testing.T) {
	t.Parallel()
	catch := func(value any) (e *errors.Error) {
		defer func() { e = errors.Recovered(recover()) }()
		explode(value)
		return nil
	}
	for _, value := range []any{"boom", 42, errors.Sentinel("boom"), errors.NotFound("note", 1), struct{ a int }{1}} {
		e := catch(value)
		assert.Equal(t, errors.CodeInternal, e.Code)
		assert.Contains(t, e.Error(), "panic: ")
		assert.Contains(t, strings.Join(e.Stack(), "\n"), "errors_test.explode", "the trace holds the place of the panic")
		assert.Equal(t, errors.CodeInternal, errors.From(e).Code)
	}
	cause := errors.Sentinel("boom")
	assert.ErrorIs(t, catch(cause), cause)
}
