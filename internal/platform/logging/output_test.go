package logging_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

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

// An outage is reported once on standard error, and the number of lost lines in the log when it is
// over.
func TestFailingWriterIsReportedOnce(t *testing.T) {
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
		assert.Equal(t, 2, strings.Count(stderr.String(), "\n"), "%s: the next outage is reported too", name)
	}
}

// A line that was partly written stays a line of its own, so that the next one is readable.
func TestPartialLineDoesNotSpoilTheNext(t *testing.T) {
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

// A process whose standard output is closed goes on and reports it once.
func TestClosedPipeDoesNotEndProcess(t *testing.T) {
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

// reexec returns a command that runs one of the programs in a process of its own.
func reexec(t *testing.T, program string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), "LOGGING_TEST_PROGRAM="+program)
	return cmd
}

// pipe returns a core that writes to a pipe that nobody reads yet.
func pipe(t *testing.T) (log logging.Logger, core *logging.Core, read *os.File) {
	t.Helper()
	read, write, err := os.Pipe()
	require.NoError(t, err)
	core, err = logging.NewCore(logging.Options{Output: write})
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, write.Close())
		_, _ = io.Copy(io.Discard, read) // ends the goroutine of the core
		assert.NoError(t, read.Close())
	})
	return logging.New(core, "x"), core, read
}

// A reader that stops holds up one call for a second, and later calls not at all. Once it reads
// again, it gets the lines that fit the buffer in their order, and the number of the others.
func TestReaderThatStopsDoesNotBlockCallers(t *testing.T) {
	t.Parallel()
	log, core, read := pipe(t)
	filler := logging.String("filler", strings.Repeat("x", 900))
	const n = 4000 // 4 MB
	start := time.Now()
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			for range n / 4 {
				log.Info(t.Context(), "line", filler)
			}
		})
	}
	callers.Wait()
	assert.Less(t, time.Since(start), 10*time.Second, "the callers wait for one second, all together")
	start = time.Now()
	logging.Flush(core)
	assert.Less(t, time.Since(start), 5*time.Second, "the end of the program waits for one second")

	lines := bufio.NewScanner(read)
	var count, lost int
	for count+lost < n && lines.Scan() {
		var line struct {
			Event string
			Lost  int `json:"lines_lost"`
		}
		require.NoError(t, json.Unmarshal(lines.Bytes(), &line), "the line is whole")
		if line.Event == "log_lines_lost" {
			lost += line.Lost
		} else {
			count++
		}
	}
	assert.Equal(t, n, count+lost, "each line is written or counted")
	assert.Greater(t, count, 1000, "a megabyte waits for the reader")
	assert.Positive(t, lost)

	log.Info(t.Context(), "after")
	require.True(t, lines.Scan())
	assert.Contains(t, lines.Text(), `"event":"after"`)
}

// A slow reader gets every line.
func TestSlowReaderGetsEveryLine(t *testing.T) {
	t.Parallel()
	log, _, read := pipe(t)
	const n = 3000
	go func() {
		for i := range n {
			log.Info(context.Background(), "line", logging.Int("i", i), logging.String("filler", strings.Repeat("x", 900)))
		}
	}()
	lines := bufio.NewScanner(read)
	for i := range n {
		require.True(t, lines.Scan())
		require.Contains(t, lines.Text(), fmt.Sprintf(`"i":%d,`, i))
		if i%500 == 0 {
			time.Sleep(100 * time.Millisecond) // as slow as a disk at times
		}
	}
}
