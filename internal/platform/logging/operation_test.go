package logging_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

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

func TestOperationThatPanics(t *testing.T) {
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
