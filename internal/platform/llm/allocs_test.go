//go:build !race

package llm_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netrun-systems/go-service-template/internal/platform/llm"
)

// A call allocates little, and an event of a stream nothing. Under the race detector a sync.Pool drops
// some of what it is given.
func TestAllocations(t *testing.T) { // not parallel: counts allocations
	ps := providers(t, 1000)
	generate := func(p llm.Provider) float64 {
		return testing.AllocsPerRun(200, func() { _, _ = p.Generate(t.Context(), question) })
	}
	stream := func(p llm.Provider) float64 {
		return testing.AllocsPerRun(200, func() { _, _ = llm.Collect(p.Stream(t.Context(), question)) })
	}
	assert.LessOrEqual(t, generate(ps["chain"])-generate(ps["direct"]), 10.0)
	assert.LessOrEqual(t, stream(ps["chain"])-stream(ps["direct"]), 20.0, "of 1000 events")
}
