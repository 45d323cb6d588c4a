package benchmarks_test

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

const (
	rounds = 60
	calls  = 5000
)

// fastest runs each function in turn, several times, and returns the fastest time of each: what is slow about the machine
// comes to all of them alike, and never makes one faster.
func fastest(functions ...func()) []time.Duration { return fastestOf(calls, functions...) }

// fastestOf calls each function so often in a round.
func fastestOf(calls int, functions ...func()) []time.Duration {
	best := make([]time.Duration, len(functions))
	for range rounds {
		for i, f := range functions {
			begin := time.Now()
			for range calls {
				f()
			}
			if took := time.Since(begin) / time.Duration(calls); best[i] == 0 || took < best[i] {
				best[i] = took
			}
		}
	}
	return best
}

func TestLogLineTakesAtMostATenthOfLogrus(t *testing.T) {
	this := ours(t)
	best := fastest(this, plainLogrus())
	ratio := float64(best[0]) / float64(best[1])
	t.Logf("%s against logrus' %s: %.3f", best[0], best[1], ratio)
	assert.LessOrEqual(t, ratio, 0.10)
	assert.LessOrEqual(t, testing.AllocsPerRun(100, this), 2.0)
}

func TestDisabledLevelAllocatesNothing(t *testing.T) {
	core, err := logging.NewCore(logging.Options{Output: io.Discard})
	require.NoError(t, err)
	log, ctx := logging.New(core, "x"), context.Background()
	assert.Zero(t, testing.AllocsPerRun(100, func() { log.Debug(ctx, "e", logging.String("a", "b"), logging.Int("n", 1)) }))
}

func TestAnErrorTakesOneAllocation(t *testing.T) {
	assert.LessOrEqual(t, testing.AllocsPerRun(100, withCode), 1.0)
	assert.LessOrEqual(t, testing.AllocsPerRun(100, withStack), 1.0)
}

func TestAnErrorWithStackIsCheaperThanThoseOfOthers(t *testing.T) {
	best := fastest(withCode, withStack, cockroachStack, oopsStack)
	t.Logf("with code %s, with stack %s, cockroachdb %s, oops %s", best[0], best[1], best[2], best[3])
	assert.Less(t, best[1], best[2])
	assert.Less(t, best[1], best[3])
}
