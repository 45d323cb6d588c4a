package errors_test

import (
	"context"
	"database/sql"
	stderrors "errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

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

func TestWithLeavesTheOriginalUnchanged(t *testing.T) {
	t.Parallel()
	original := errors.New(errors.CodeConflict, "").With("a", 1)
	changed := original.With("b", 2)
	assert.Equal(t, map[string]any{"a": 1}, original.Details)
	assert.Equal(t, map[string]any{"a": 1, "b": 2}, changed.Details)
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
	assert.Same(t, conflict, errors.From(conflict), "an error that nothing wraps is not copied")
	assert.Equal(t, int64(7), errors.From(tests["too large"].err).Details["limit_bytes"])
	assert.Contains(t, errors.From(tests["wrapped"].err).Error(), "insert: ", "logs show what was tried")
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

func TestStandardFunctions(t *testing.T) {
	t.Parallel()
	inner := errors.Sentinel("inner")
	err := errors.Join(nil, fmt.Errorf("outer: %w", inner))
	assert.True(t, errors.Is(err, inner))
	assert.False(t, errors.Is(errors.Sentinel("inner"), inner), "a sentinel equals only itself")
	_, ok := errors.AsType[*errors.Error](err)
	assert.False(t, ok)
	assert.NoError(t, errors.Join(nil, nil))
	assert.Equal(t, stderrors.ErrUnsupported, errors.ErrUnsupported)
}

//go:noinline
func origin() error { return errors.Wrap(sql.ErrConnDone, errors.CodeDatabase, "") }

func TestStackOfTheInnermostError(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("two: %w", errors.Wrap(fmt.Errorf("one: %w", origin()), errors.CodeInternal, ""))
	stack := errors.From(err).Stack()
	require.NotEmpty(t, stack)
	assert.Regexp(t, `/errors_test\.origin .*/error_test\.go:\d+$`, stack[0])
	assert.Nil(t, errors.New(errors.CodeNotFound, "").Stack(), "a 4xx has no stack")
	assert.Nil(t, errors.From(fmt.Errorf("x: %w", errors.NotFound("note", 1))).Stack())
}

func TestConstructorsRecordTheirCaller(t *testing.T) {
	t.Parallel()
	cause := errors.Sentinel("x")
	for _, e := range []*errors.Error{
		errors.New(errors.CodeInternal, ""), errors.Wrap(cause, errors.CodeInternal, ""), errors.Internal(cause, "x"),
		errors.Unavailable(cause, "", 0), errors.From(cause).With("a", 1),
	} {
		assert.Contains(t, e.Stack()[0], "TestConstructorsRecordTheirCaller")
	}
	notFound, _ := errors.AsType[*errors.Error](errors.NotFoundOr(sql.ErrNoRows, "note", 1))
	for i, e := range []*errors.Error{
		errors.New(errors.CodeConflict, ""), errors.Wrap(cause, errors.CodeConflict, ""), errors.Invalid("a", "b", "c"),
		errors.Validation(), errors.NotFound("note", 1), notFound, errors.RateLimited(0), errors.PermissionDenied("a:b"),
		errors.Conflict("taken"), errors.New(errors.CodeConflict, "").With("a", 1),
		errors.From(fmt.Errorf("x: %w", errors.NotFound("note", 1))), errors.Wrap(errors.NotFound("note", 1), errors.CodeConflict, ""),
	} {
		assert.Contains(t, e.Caller(), "TestConstructorsRecordTheirCaller", i)
		assert.Contains(t, e.Caller(), "error_test.go:", i)
		assert.Nil(t, e.Stack(), i)
	}
}

func TestErrorsOfOtherPackagesHaveNoCaller(t *testing.T) {
	t.Parallel()
	var none *errors.Error
	assert.Empty(t, none.Caller())
	assert.Empty(t, (&errors.Error{}).Caller())
	assert.Empty(t, errors.From(context.Canceled).Caller())
	assert.Empty(t, errors.From(errors.CodeConflict).Caller())
	shed := errors.From(fmt.Errorf("x: %w", errors.Overloaded(errors.Sentinel("the queue is full"), time.Second)))
	assert.Empty(t, shed.Caller())
	assert.Nil(t, shed.Stack(), "shed load logs a short line")
	assert.Equal(t, []any{errors.CodeServiceUnavailable, time.Second}, []any{shed.Code, shed.RetryAfter})
	outer := errors.Wrap(errors.From(origin()), errors.CodeConflict, "")
	assert.Contains(t, outer.Caller(), "errors_test.origin ", "the innermost origin")
}

func TestIsFindsCodes(t *testing.T) {
	t.Parallel()
	err := errors.Join(errors.Sentinel("x"), fmt.Errorf("x: %w", errors.Wrap(errors.NotFound("note", 1), errors.CodeConflict, "")))
	assert.ErrorIs(t, err, errors.CodeConflict)
	assert.ErrorIs(t, err, errors.CodeNotFound)
	assert.NotErrorIs(t, err, errors.CodeDatabase)
	one, other := errors.New(errors.CodeConflict, ""), errors.New(errors.CodeConflict, "")
	assert.NotErrorIs(t, one, other, "equal codes do not make errors equal")
	assert.NotErrorIs(t, (*errors.Error)(nil), errors.CodeInternal)
	assert.ErrorIs(t, fmt.Errorf("x: %w", errors.CodeConflict), errors.CodeConflict)
	e := errors.From(fmt.Errorf("x: %w", errors.CodeConflict))
	assert.Equal(t, errors.CodeConflict, e.Code)
	assert.Contains(t, e.Error(), "x: RESOURCE_CONFLICT")
}

func TestValidationCopiesItsFields(t *testing.T) {
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
		assert.Contains(t, strings.Join(e.Stack(), "\n"), "errors_test.explode", "the stack includes the place of the panic")
		assert.Equal(t, errors.CodeInternal, errors.From(e).Code)
	}
	cause := errors.Sentinel("boom")
	assert.ErrorIs(t, catch(cause), cause)
}
