package logging_test

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// writer is a function that writes.
type writer func(p []byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

var errDiskFull = errors.Sentinel("no space left on device")

func TestShortWritesAreCompleted(t *testing.T) {
	t.Parallel()
	out := &record{}
	core, stderr := logging.WritingCore(writer(func(p []byte) (int, error) { return out.Write(p[:min(7, len(p))]) }))
	log := logging.New(core, "x")
	for range 3 {
		log.Info(t.Context(), "e", logging.String("s", strings.Repeat("x", 100)))
	}
	assert.Len(t, out.lines(t), 3)
	assert.Empty(t, stderr.String())
}

// An outage is told once on standard error, and its length in the log when it is over.
func TestWriterThatFails(t *testing.T) {
	t.Parallel()
	for name, failing := range map[string]writer{
		"fails":        func([]byte) (int, error) { return 0, errDiskFull },
		"panics":       func([]byte) (int, error) { panic(errDiskFull) },
		"takes less":   func([]byte) (int, error) { return 0, nil },
		"lies":         func([]byte) (int, error) { return -1, errDiskFull },
		"closed":       func([]byte) (int, error) { return 0, os.ErrClosed },
		"nobody reads": func([]byte) (int, error) { return 0, syscall.EPIPE },
	} {
		out, now := &record{}, io.Writer(failing)
		core, stderr := logging.WritingCore(writer(func(p []byte) (int, error) { return now.Write(p) }))
		log := logging.New(core, "x")
		assert.NotPanics(t, func() {
			for range 5 {
				log.Info(t.Context(), "lost")
			}
			core.Info("lost")
		}, name)
		assert.Equal(t, 1, strings.Count(stderr.String(), "\n"), "%s: once", name)
		assert.Contains(t, stderr.String(), `"level":"error","event":"log_write_failed","logger":"platform/logging"`, name)
		now = out
		log.Info(t.Context(), "written")
		log.Info(t.Context(), "written")
		lines := out.lines(t)
		require.Len(t, lines, 3, name)
		assert.Equal(t, []any{"written", "log_lines_lost", "written"}, []any{lines[0]["event"], lines[1]["event"], lines[2]["event"]})
		assert.InDelta(t, 6, lines[1]["lines_lost"], 0, name)
		now = failing
		log.Info(t.Context(), "lost")
		assert.Equal(t, 2, strings.Count(stderr.String(), "\n"), "%s: the next outage is told too", name)
	}
}

// What was written of a line before the writer failed stays a line of its own, so that the next one can be read.
func TestLineCutShortSpoilsNoOther(t *testing.T) {
	t.Parallel()
	var buf bytes.Buffer
	room := 40
	core, _ := logging.WritingCore(writer(func(p []byte) (int, error) {
		n := min(room, len(p))
		room -= n
		buf.Write(p[:n])
		if n < len(p) {
			return n, errDiskFull
		}
		return n, nil
	}))
	log := logging.New(core, "x")
	log.Info(t.Context(), "cut")
	log.Info(t.Context(), "lost")
	room = 1 << 20
	log.Info(t.Context(), "written")
	lines := strings.SplitAfter(buf.String(), "\n")
	require.Len(t, lines, 4)
	assert.Len(t, lines[0], 41)
	assert.Contains(t, lines[1], `"event":"written"`)
	assert.Contains(t, lines[2], `"lines_lost":2}`)
	assert.Empty(t, lines[3])
}

// A process whose standard output nobody reads lives on, and says so once.
func TestClosedPipeEndsNoProcess(t *testing.T) {
	t.Parallel()
	cmd := reexec(t, "closed pipe")
	read, write, err := os.Pipe()
	require.NoError(t, err)
	require.NoError(t, read.Close())
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = write, &stderr
	require.NoError(t, cmd.Run(), stderr.String())
	require.NoError(t, write.Close())
	lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
	require.Len(t, lines, 2, stderr.String())
	assert.Contains(t, lines[0], "log_write_failed")
	assert.Contains(t, lines[0], syscall.EPIPE.Error())
	assert.Contains(t, lines[1], "still here")
}

// reexec returns a command that runs one of the programs of this test, in a process of its own.
func reexec(t *testing.T, program string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), "LOGGING_TEST_PROGRAM="+program)
	return cmd
}
