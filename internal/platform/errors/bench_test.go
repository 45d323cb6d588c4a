package errors_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

var (
	sink  error
	cause = errors.Sentinel("cause")
)

//nolint:paralleltest // AllocsPerRun counts the allocations of the whole process
func TestAllocations(t *testing.T) {
	wrapped := fmt.Errorf("x: %w", errors.New(errors.CodeConflict, ""))
	for name, tt := range map[string]struct {
		most float64
		f    func()
	}{
		"without stack": {1, func() { sink = errors.New(errors.CodeConflict, "taken") }},
		"with cause":    {1, func() { sink = errors.Wrap(cause, errors.CodeConflict, "taken") }},
		"with stack":    {1, func() { sink = errors.Wrap(cause, errors.CodeDatabase, "") }},
		"has code":      {0, func() { _ = errors.HasCode(wrapped, errors.CodeConflict) }},
	} {
		assert.LessOrEqual(t, testing.AllocsPerRun(100, tt.f), tt.most, name)
	}
}

func BenchmarkNew(b *testing.B) {
	b.Run("code", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			sink = errors.New(errors.CodeConflict, "taken")
		}
	})
	b.Run("code and stack", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			sink = errors.Wrap(cause, errors.CodeDatabase, "")
		}
	})
	b.Run("fmt.Errorf", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			sink = fmt.Errorf("taken: %w", cause)
		}
	})
}

func BenchmarkNewCorrelationID(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_ = errors.NewCorrelationID()
	}
}
