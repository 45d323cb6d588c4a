package logging_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// Keys are cached and lines pooled. Neither may leak into a line of the same event with other
// fields.
func TestLinesOfOneEventAreIndependent(t *testing.T) {
	t.Parallel()
	var out record
	core, err := logging.NewCore(logging.Options{App: "one", Level: "debug", Output: &out})
	require.NoError(t, err)
	var elsewhere record
	other, err := logging.NewCore(logging.Options{App: "two", Level: "debug", Output: &elsewhere})
	require.NoError(t, err)
	a, b, c := logging.New(core, "a"), logging.New(core, "b"), logging.New(other, "a")
	for range 3 { // alternating, so that each finds the buffers of another
		a.Info(t.Context(), "done", logging.Int("x", 1), logging.String("y", "2"))
		a.Info(t.Context(), "done", logging.String("y", "2"), logging.Int("x", 1))
		a.Info(t.Context(), "done", logging.Int("x", 1))
		a.Info(t.Context(), "done")
		a.Info(t.Context(), "done", logging.Int("x", 1), logging.Int("x", 2))
		a.Info(t.Context(), "done", logging.String("token", "canary"), logging.String("y", "2"))
		a.Info(logging.Bind(t.Context(), logging.Int("x", 9), logging.Int("z", 3)), "done", logging.Int("x", 1), logging.String("y", "2"))
		a.Debug(t.Context(), "done", logging.Int("x", 1), logging.String("y", "2"))
		b.Info(t.Context(), "done", logging.Int("x", 1), logging.String("y", "2"))
		a.Info(t.Context(), "", logging.Int("x", 1), logging.String("y", "2"))
		c.Info(t.Context(), "done", logging.Int("x", 1), logging.String("y", "2"))
	}
	const info, debug = `"level":"info","event":"done","logger":"a","app":"one","environment":""`, `"level":"debug","event":"done","logger":"a","app":"one","environment":""`
	want := []string{
		info + `,"x":1,"y":"2"}`, info + `,"y":"2","x":1}`, info + `,"x":1}`, info + `}`, info + `,"x":2}`,
		info + `,"token":"[REDACTED]","y":"2"}`, info + `,"z":3,"x":1,"y":"2"}`, debug + `,"x":1,"y":"2"}`,
		strings.Replace(info, `"logger":"a"`, `"logger":"b"`, 1) + `,"x":1,"y":"2"}`,
		strings.Replace(info, `"event":"done"`, `"event":""`, 1) + `,"x":1,"y":"2"}`,
	}
	lines := strings.Split(strings.TrimSuffix(out.text(), "\n"), "\n")
	require.Len(t, lines, 3*len(want))
	for i, line := range lines {
		_, rest, _ := strings.Cut(line, `Z",`)
		assert.Equal(t, want[i%len(want)], rest)
	}
	for line := range strings.Lines(elsewhere.text()) {
		assert.Contains(t, line, `"logger":"a","app":"two"`)
	}
}

// More names than the key cache holds, by several writers.
func TestNamesMadeAtRunTime(t *testing.T) {
	t.Parallel()
	var out record
	core, err := logging.NewCore(logging.Options{Output: &out})
	require.NoError(t, err)
	log := logging.New(core, "a")
	const writers, events = 4, 1500
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for n := range events {
				name := "event_" + strconv.Itoa((n*(w+1))%events)
				log.Info(t.Context(), name, logging.String("same", name), logging.Int("field_"+strconv.Itoa(n%7), n))
			}
		})
	}
	all.Wait()
	lines := 0
	for _, line := range out.lines(t) {
		lines++
		assert.Equal(t, line["event"], line["same"])
		assert.Len(t, line, 8)
	}
	assert.Equal(t, writers*events, lines)
}

// A value that another goroutine changes after it was bound is written as it was bound, also where
// a hook looks at it. The race detector fails this test if it is read again.
func TestBoundValuesAreWrittenAsTheyWereBound(t *testing.T) {
	t.Parallel()
	var seen []any
	core, out := newCore(t, logging.Options{Hooks: []logrus.Hook{hook{logrus.AllLevels, func(e *logrus.Entry) error {
		seen = append(seen, e.Data["m"])
		return nil
	}}}})
	m := map[string]int{"n": 0}
	ctx := logging.Bind(t.Context(), logging.Any("m", m))
	var changer sync.WaitGroup
	changer.Go(func() {
		for i := range 1000 {
			m["n"] = i
			m[fmt.Sprint(i)] = i
		}
	})
	for range 100 {
		logging.New(core, "x").Info(ctx, "e")
	}
	changer.Wait()
	for i, line := range out.lines(t) {
		assert.Equal(t, map[string]any{"n": 0.0}, line["m"])
		assert.Equal(t, "map[n:0]", fmt.Sprint(seen[i]))
	}
}
