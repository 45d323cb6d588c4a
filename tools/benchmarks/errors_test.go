package benchmarks_test

import (
	"fmt"
	"testing"

	cockroach "github.com/cockroachdb/errors"
	"github.com/samber/oops"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

var sink error

func BenchmarkError(b *testing.B) {
	for _, one := range []struct {
		name string
		make func()
	}{
		{"this/code", func() { sink = errors.Wrap(errLine, errors.CodeConflict, "taken") }},
		{"this/stack", func() { sink = errors.Wrap(errLine, errors.CodeDatabase, "") }},
		{"cockroachdb/stack", func() { sink = cockroach.Wrap(errLine, "taken") }},
		{"oops/code and stack", func() { sink = oops.Code("taken").Wrap(errLine) }},
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
