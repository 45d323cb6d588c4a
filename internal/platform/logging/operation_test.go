package logging_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

func TestOperation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, out := newLogger(t)
		run := func(ctx context.Context, fail error) (err error) {
			outer := ctx
			defer func() { assert.Equal(t, outer, ctx, "ctx is as it was") }()
			defer log.Operation(&ctx, "summarize", logging.String("note_id", "n-1"))(&err)
			time.Sleep(1500 * time.Microsecond)
			log.Info(ctx, "inside")
			return fail
		}
		require.NoError(t, run(t.Context(), nil))
		lines := out.lines(t)
		require.Len(t, lines, 3)
		for i, want := range []string{"operation_started", "inside", "operation_completed"} {
			assert.Equal(t, []any{want, "summarize", "n-1"}, []any{lines[i]["event"], lines[i]["operation"], lines[i]["note_id"]})
		}
		assert.Equal(t, []any{"debug", "info"}, []any{lines[0]["level"], lines[2]["level"]})
		assert.Equal(t, []any{"ok", 1.5}, []any{lines[2]["result"], lines[2]["duration_ms"]})

		require.Error(t, run(t.Context(), errors.Sentinel("it broke")))
		line := out.last(t)
		assert.Equal(t, []any{"operation_failed", "error", "it broke", 1.5},
			[]any{line["event"], line["level"], line["error"], line["duration_ms"]})
	})
}

func TestPanicOfOperationIsLogged(t *testing.T) {
	t.Parallel()
	log, out := newLogger(t)
	for _, value := range []any{"boom", errors.Sentinel("boom")} {
		ctx := context.Background()
		assert.PanicsWithValue(t, value, func() {
			defer log.Operation(&ctx, "x")(nil)
			panic(value)
		})
		line := out.last(t)
		assert.Equal(t, []any{"operation_failed", "panic: boom", "x"}, []any{line["event"], line["error"], line["operation"]})
	}
	ctx := context.Background()
	log.Operation(&ctx, "y")(nil)
	assert.Equal(t, "operation_completed", out.last(t)["event"])
	log.Info(ctx, "after")
	assert.NotContains(t, out.last(t), "operation", "what it bound is gone with it")
	log.Operation(nil, "z")(nil)
	assert.Equal(t, "z", out.last(t)["operation"], "a nil ctx must not panic")
}

func TestException(t *testing.T) {
	t.Parallel()
	log, out := newLogger(t)
	log.Exception(t.Context(), nil)
	require.Empty(t, out.text())
	log.Exception(t.Context(), errors.NotFound("note", 1))
	line := out.last(t)
	assert.Equal(t, []any{"exception_raised", "info", "RESOURCE_NOT_FOUND", 404.0, "There is no such note",
		"There is no such note"},
		[]any{line["event"], line["level"], line["error_code"], line["status_code"], line["message"], line["error"]})
	assert.NotContains(t, line, "stack")
	assert.Regexp(t, `logging_test\.TestException.*operation_test\.go:\d+`, line["caller"])

	log.Exception(t.Context(), errors.Internal(errors.Sentinel("dial postgres://u:hunter2@h"), "read the note"))
	line = out.last(t)
	assert.Equal(t,
		[]any{"error", "INTERNAL_ERROR", "An unexpected error occurred", "read the note: dial postgres://u:[REDACTED]@h"},
		[]any{line["level"], line["error_code"], line["message"], line["error"]})
	assert.Contains(t, as[[]any](t, line["stack"])[0], "operation_test.go")

	log.Exception(t.Context(), errors.Overloaded(errors.Sentinel("the queue is full"), time.Second))
	line = out.last(t)
	assert.Equal(t, []any{"error", 503.0, "the queue is full"}, []any{line["level"], line["status_code"], line["error"]})
	assert.NotContains(t, line, "stack", "shed load logs a short line")

	log.Exception(t.Context(), errors.From(context.Canceled))
	assert.Equal(t, "info", out.last(t)["level"])
	log.Exception(t.Context(), errors.Conflict("The title is taken"))
	assert.Equal(t, "warning", out.last(t)["level"])
	log.Exception(t.Context(), &errors.Error{})
	line = out.last(t)
	assert.Equal(t, []any{"INTERNAL_ERROR", 500.0, "An unexpected error occurred"},
		[]any{line["error_code"], line["status_code"], line["message"]})
}

func TestExceptionBelowTheLevelIsNotLogged(t *testing.T) {
	t.Parallel()
	core, out := newCore(t, logging.Options{Level: "error"})
	logging.New(core, "x").Exception(t.Context(), errors.NotFound("note", 1))
	assert.Empty(t, out.text())
}

func TestStatusLevel(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]logrus.Level{
		200: logrus.InfoLevel, 304: logrus.InfoLevel, 400: logrus.WarnLevel, 404: logrus.InfoLevel, 409: logrus.WarnLevel,
		419: logrus.WarnLevel, 499: logrus.InfoLevel, 500: logrus.ErrorLevel, 503: logrus.ErrorLevel,
	} {
		assert.Equal(t, want, logging.StatusLevel(status), status)
	}
}
