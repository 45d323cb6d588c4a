package logging

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
)

const (
	maxPending = 1 << 20     // bytes of the lines that wait for a file
	maxWrite   = 64 << 10    // bytes of one write to a file, so that a slow reader counts as progress
	maxStall   = time.Second // without progress, after which callers no longer wait for a file
)

// output writes lines to a writer that may fail or panic, without harm to the process or to later
// lines. A short write is continued. The first failure of an outage is written to standard error as
// log_write_failed; the first line after it is followed by log_lines_lost with the number of lost
// lines. A line that was cut short gets its line break then.
//
// A file may be a pipe or a terminal whose reader stops. One goroutine at a time writes the pending
// lines to it, and callers wait for theirs until nothing has been written for maxStall. Then they
// go on: up to maxPending bytes wait for the reader, further lines are lost. Other writers are
// called by the caller, who waits for as long as they block.
type output struct {
	format *formatter
	file   bool // to is a file

	writing sync.Mutex // guards the fields below
	to      io.Writer
	report  io.Writer // nil where it is the same as to
	failing bool      // the last write failed
	lost    int64     // lines that no log_lines_lost has counted
	torn    bool      // the last line was cut short

	mu       sync.Mutex // guards the fields below
	changed  *sync.Cond // on each change of written and stalled
	pending  []byte     // lines for the goroutine
	queued   int64      // bytes that were ever put into pending
	written  int64      // bytes of queued that were written or lost
	draining bool       // the goroutine is running
	stalled  bool       // callers do not wait
	overflow int64      // lines for which there was no room
}

func newOutput(w io.Writer, f *formatter) *output {
	o := &output{format: f, to: withoutSignal(w)}
	o.changed = sync.NewCond(&o.mu)
	_, o.file = w.(*os.File)
	if w != os.Stderr {
		o.report = withoutSignal(os.Stderr)
	}
	return o
}

// Write writes one line. It always succeeds: logrus would report each failure on standard error.
func (o *output) Write(p []byte) (int, error) {
	if o.file {
		o.enqueue(p)
	} else {
		o.write(p, 0)
	}
	return len(p), nil
}

// enqueue hands a line to the goroutine and waits until it is written, unless the file is stalled.
func (o *output) enqueue(p []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.pending)+len(p) > maxPending {
		if o.stalled {
			o.overflow++
			return
		}
		o.changed.Wait()
	}
	o.pending = append(o.pending, p...)
	o.queued += int64(len(p))
	if !o.draining {
		o.draining, o.stalled = true, false
		go o.drain()
	}
	o.wait(o.queued)
}

// wait returns when so many bytes are written, or the file is stalled. The caller holds o.mu.
func (o *output) wait(written int64) {
	for o.written < written && !o.stalled {
		o.changed.Wait()
	}
}

// flush waits once more for the pending lines of a stalled file.
func (o *output) flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.stalled {
		o.stalled = false
		defer time.AfterFunc(maxStall, o.stall).Stop()
	}
	o.wait(o.queued)
}

// stall releases the callers that wait.
func (o *output) stall() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stalled = true
	o.changed.Broadcast()
}

// drain writes the pending lines until there are none.
func (o *output) drain() {
	watchdog := time.AfterFunc(maxStall, o.stall)
	defer watchdog.Stop()
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.pending) > 0 {
		lines, overflow := o.pending, o.overflow
		o.pending, o.overflow = nil, 0
		o.mu.Unlock()
		for len(lines) > 0 {
			n := len(lines)
			if n > maxWrite {
				n = bytes.LastIndexByte(lines[:maxWrite], '\n') + 1 // a line is shorter
			}
			o.write(lines[:n], overflow)
			lines, overflow = lines[n:], 0
			o.progress(watchdog, n)
		}
		o.mu.Lock()
	}
	o.draining = false
}

// progress counts n bytes as written, and lets callers wait again.
func (o *output) progress(watchdog *time.Timer, n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	watchdog.Reset(maxStall)
	o.written += int64(n)
	o.stalled = false
	o.changed.Broadcast()
}

// write writes lines. lost is the number of earlier lines for which there was no room; the next write
// that succeeds reports them.
func (o *output) write(lines []byte, lost int64) {
	o.writing.Lock()
	defer o.writing.Unlock()
	o.lost += lost
	rest, err := lines, io.ErrShortWrite
	if o.torn {
		_, _ = o.put([]byte{'\n'})
	}
	if !o.torn {
		rest, err = o.put(lines)
	}
	if err != nil {
		o.lost += int64(bytes.Count(rest, []byte{'\n'}))
		if !o.failing && o.report != nil {
			_, _ = safeWrite(o.report, o.line("log_write_failed", Err(err)))
		}
	} else if o.lost > 0 {
		if _, err := o.put(o.line("log_lines_lost", Int64("lines_lost", o.lost))); err == nil {
			o.lost = 0
		}
	}
	o.failing = err != nil
}

// put writes all of p, in as many writes as the writer needs. If that fails, it returns the rest.
func (o *output) put(p []byte) (rest []byte, err error) {
	for len(p) > 0 {
		n, err := safeWrite(o.to, p)
		n = min(max(n, 0), len(p))
		if err == nil && n == 0 {
			err = io.ErrShortWrite
		}
		if n > 0 {
			o.torn = p[n-1] != '\n'
		}
		if p = p[n:]; err != nil && len(p) > 0 {
			return p, err
		}
	}
	return nil, nil
}

// safeWrite calls w.Write and recovers from panics.
func safeWrite(w io.Writer, p []byte) (n int, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the writer failed: %s", panicText(r))
		}
	}()
	return w.Write(p)
}

// line returns a line about the output itself.
func (o *output) line(event string, field Field) []byte {
	l := newLine(o.format.limit)
	defer l.release()
	o.format.line(context.Background(), l, head{time.Now(), logrus.ErrorLevel, ownName, event}, []Field{field})
	return bytes.Clone(l.b)
}

var ownName = For().name
