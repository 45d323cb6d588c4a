package logging_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

func TestMain(m *testing.M) {
	if program, ok := programs[os.Getenv("LOGGING_TEST_PROGRAM")]; ok {
		program()
		return
	}
	goleak.VerifyTestMain(m)
}

// programs are what tests run in a process of their own, for what ends one.
var programs = map[string]func(){
	"closed pipe": func() {
		core, err := logging.NewCore(logging.Options{Output: os.Stdout})
		if err != nil {
			panic(err)
		}
		for range 3 {
			logging.New(core, "x").Info(context.Background(), "nobody reads")
		}
		logging.Logger{}.Info(context.Background(), "still here")
	},
	"log.Fatal": func() {
		core, err := logging.NewCore(logging.Options{Output: os.Stdout})
		if err != nil {
			panic(err)
		}
		defer logging.CaptureStandard(logging.New(core, "x"))()
		log.Fatal("the last word")
	},
}

// record keeps what a core writes.
type record struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.Write(p)
}

func (r *record) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.buf.Reset()
}

func (r *record) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.String()
}

// lines returns the lines as objects; each must be one, without duplicate keys.
func (r *record) lines(tb testing.TB) []map[string]any {
	tb.Helper()
	var lines []map[string]any
	for text := range strings.Lines(r.text()) {
		require.True(tb, json.Valid([]byte(text)), "not JSON: %s", text)
		requireUniqueKeys(tb, text)
		var line map[string]any
		require.NoError(tb, json.Unmarshal([]byte(text), &line))
		lines = append(lines, line)
	}
	return lines
}

func (r *record) last(tb testing.TB) map[string]any {
	tb.Helper()
	lines := r.lines(tb)
	require.NotEmpty(tb, lines, "nothing was logged")
	return lines[len(lines)-1]
}

// keys returns the top-level keys of a line in their order.
func keys(tb testing.TB, text string) []string {
	tb.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	_, err := d.Token()
	require.NoError(tb, err)
	var names []string
	for d.More() {
		name, err := d.Token()
		require.NoError(tb, err)
		names = append(names, as[string](tb, name))
		var value json.RawMessage
		require.NoError(tb, d.Decode(&value))
	}
	return names
}

func requireUniqueKeys(tb testing.TB, text string) {
	tb.Helper()
	seen := map[string]bool{}
	for _, name := range keys(tb, text) {
		require.False(tb, seen[name], "the key %q is there twice in %s", name, text)
		seen[name] = true
	}
}

func newCore(tb testing.TB, o logging.Options) (*logging.Core, *record) {
	tb.Helper()
	r := &record{}
	o.Output = r
	core, err := logging.NewCore(o)
	require.NoError(tb, err)
	return core, r
}

// newLogger returns a logger at debug and what it writes.
func newLogger(tb testing.TB) (logging.Logger, *record) {
	tb.Helper()
	core, r := newCore(tb, logging.Options{App: "notes", Environment: "testing", Level: "debug"})
	return logging.New(core, "app/notes"), r
}

// as returns v as a T, which it must be.
func as[T any](tb testing.TB, v any) T {
	tb.Helper()
	value, ok := v.(T)
	require.True(tb, ok, "%v is a %T", v, v)
	return value
}
