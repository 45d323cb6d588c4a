package logging_test

import (
	"context"
	"io"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

func sampled(t *testing.T, lines int) (*logging.Core, logging.Logger, *record) {
	t.Helper()
	core, out := newCore(t, logging.Options{Sample: lines, Level: "debug"})
	return core, logging.New(core, "x"), out
}

func TestSamplingCountsWhatItDrops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		core, log, out := sampled(t, 2)
		for range 250 {
			log.Info(t.Context(), "repeats")
		}
		lines := out.lines(t) // 1, 2, then 102 and 202 of 250
		assert.Len(t, lines, 4)
		assert.NotContains(t, lines[1], "dropped_count")
		assert.InDelta(t, 99, lines[2]["dropped_count"], 0)
		assert.InDelta(t, 99, lines[3]["dropped_count"], 0)

		time.Sleep(time.Second)
		log.Info(t.Context(), "repeats", logging.Int("n", 1))
		last := out.last(t)
		assert.InDelta(t, 48, last["dropped_count"], 0, "the next interval reports the rest")
		assert.InDelta(t, 1, last["n"], 0)

		for range 5 {
			log.Info(t.Context(), "repeats")
		}
		logging.Flush(core)
		last = out.last(t)
		assert.Equal(t, "log_lines_dropped", last["event"])
		assert.Equal(t, "repeats", last["dropped_event"])
		assert.InDelta(t, 4, last["dropped_count"], 0)
		before := len(out.lines(t))
		logging.Flush(core)
		assert.Len(t, out.lines(t), before, "nothing is reported twice")
	})
}

// Goroutines reach the sampler in another order than they read the clock.
func TestSamplingToleratesLinesOutOfOrder(t *testing.T) {
	t.Parallel()
	core, _, out := sampled(t, 2)
	now := time.Now()
	for i := range 10 {
		logging.LogAt(core, now.Add(-time.Duration(i)), "races")
	}
	assert.Len(t, out.lines(t), 2)
}

func TestSamplingCountsEventsSeparately(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		core, log, out := sampled(t, 1)
		for range 3 {
			log.Info(t.Context(), "one")
			log.Info(t.Context(), "two")
			log.Debug(t.Context(), "one")
			logging.New(core, "y").Info(t.Context(), "one")
		}
		assert.Len(t, out.lines(t), 4)
	})
}

func TestSamplingNeverDropsErrorsAndAuditLines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		core, log, out := sampled(t, 1)
		for range 10 {
			log.Error(t.Context(), "failed")
			log.Critical(t.Context(), "failed")
			log.Audit(t.Context(), "token_issued")
			log.AuditWarn(t.Context(), "token_rejected")
		}
		assert.Len(t, out.lines(t), 40)
		logging.Flush(core)
		assert.Len(t, out.lines(t), 40)
		assert.Equal(t, true, out.last(t)["audit"])
	})
}

// Events beyond the limit are written; every line is either written or counted.
func TestSamplingWritesEventsBeyondItsLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		core, log, out := sampled(t, 1)
		const events, each = 700, 3
		var all sync.WaitGroup
		for i := range events {
			all.Go(func() {
				for range each {
					log.Info(t.Context(), "event_"+strconv.Itoa(i))
				}
			})
		}
		all.Wait()
		written := len(out.lines(t))
		logging.Flush(core)
		var dropped float64
		for _, line := range out.lines(t) {
			if n, ok := line["dropped_count"].(float64); ok {
				dropped += n
			}
		}
		assert.InDelta(t, events*each, float64(written)+dropped, 0)
		assert.Positive(t, dropped)
	})
}

func TestFlushOfTheDefaultCore(t *testing.T) { // not parallel: the default is the program's
	synctest.Test(t, func(t *testing.T) {
		core, log, out := sampled(t, 1)
		logging.SetDefault(core)
		defer logging.SetDefault(nil)
		log.Info(t.Context(), "e")
		log.Info(t.Context(), "e")
		logging.Flush(nil)
		assert.InDelta(t, 1, out.last(t)["dropped_count"], 0)
	})
}

func TestFlushWithoutSamplingDoesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		core, log, out := sampled(t, 0)
		for range 3 {
			log.Info(t.Context(), "all_written")
		}
		logging.Flush(core)
		assert.Len(t, out.lines(t), 3)
	})
}

// Without another line of the event, the next line of any other event reports the count.
func TestSamplingReportsEventsThatEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, log, out := sampled(t, 1)
		for range 5 {
			log.Warn(t.Context(), "burst")
		}
		time.Sleep(500 * time.Millisecond)
		log.Info(t.Context(), "early")
		assert.Equal(t, "early", out.last(t)["event"])
		time.Sleep(time.Second)
		log.Error(t.Context(), "later")
		lines := out.lines(t)
		report := lines[2]
		assert.Equal(t, []any{"log_lines_dropped", "warning", "x", "burst", 4.0},
			[]any{report["event"], report["level"], report["logger"], report["dropped_event"], report["dropped_count"]})
		assert.Equal(t, "later", lines[3]["event"])
		time.Sleep(2 * time.Second)
		log.Info(t.Context(), "later")
		assert.Len(t, out.lines(t), 5, "nothing is reported twice")
	})
}

func TestSamplingKeepsCountsOfDisabledLevels(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		core, log, out := sampled(t, 1)
		for range 3 {
			log.Info(t.Context(), "e")
		}
		core.SetLevel(logrus.ErrorLevel)
		logging.Flush(core)
		assert.Len(t, out.lines(t), 1)
		core.SetLevel(logrus.InfoLevel)
		logging.Flush(core)
		assert.InDelta(t, 2, out.last(t)["dropped_count"], 0)
	})
}

// Long names probably hold text that varies; they are not kept, and their lines are written.
func TestSamplingWritesLongEventNames(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, log, out := sampled(t, 1)
		for range 3 {
			log.Info(t.Context(), strings.Repeat("e", 129))
			log.Info(t.Context(), "audited", logging.Int("n", 1), logging.Bool("audit", true))
			log.Info(t.Context(), "not_audited", logging.Bool("audit", false))
		}
		assert.Len(t, out.lines(t), 7)
	})
}

func TestSamplingBeforeHooks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fired := 0
		core, out := newCore(t, logging.Options{
			Sample: 1,
			Hooks:  []logrus.Hook{hook{logrus.AllLevels, func(*logrus.Entry) error { fired++; return nil }}},
		})
		log := logging.New(core, "x")
		for range 5 {
			log.Info(t.Context(), "e")
			core.Info("ordinary")
		}
		assert.Len(t, out.lines(t), 1+5)
		assert.Equal(t, 1+5, fired)
	})
}

func BenchmarkSampled(b *testing.B) {
	core, err := logging.NewCore(logging.Options{Output: io.Discard, Sample: 1})
	require.NoError(b, err)
	l, ctx := logging.New(core, "x"), context.Background()
	b.ReportAllocs()
	for b.Loop() {
		l.Info(ctx, "repeats", logging.Int("n", 1), logging.String("s", "text"))
	}
}
