package benchmarks_test

import (
	"fmt"
	"testing"

	cockroach "github.com/cockroachdb/errors"
	"github.com/samber/oops"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

var sink error

func withCode()  { sink = errors.Wrap(errLine, errors.CodeConflict, "taken") }
func withStack() { sink = errors.Wrap(errLine, errors.CodeDatabase, "") }

func cockroachStack() { sink = cockroach.Wrap(errLine, "taken") }
func oopsStack()      { sink = oops.Code("taken").Wrap(errLine) }

func BenchmarkError(b *testing.B) {
	for _, one := range []struct {
		name string
		make func()
	}{
		{"this/code", withCode},
		{"this/code and stack", withStack},
		{"cockroachdb/stack", cockroachStack},
		{"oops/code and stack", oopsStack},
		{"fmt", func() { sink = fmt.Errorf("taken: %w", errLine) }},
	} {
		b.Run(one.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				one.make()
			}
		})
	}
}
