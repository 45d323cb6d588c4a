package logging

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
)

// output stands between a core and its writer, so that a writer that fails costs neither the process nor the lines after
// it. What a short write leaves is written again. The first failure of several in a row is told on standard error, as
// log_write_failed; once the writer works again, log_lines_lost tells it how many lines it missed. A line cut short by a
// failure gets its line break then. A writer that blocks holds up whoever logs: no line is dropped for being late.
type output struct {
	formatter *formatter

	mu     sync.Mutex
	to     io.Writer
	report io.Writer // nil where it is what to is
	lost   int64     // lines since the writer began to fail
	torn   bool      // the last line was cut short
}

const (
	writeFailed = "log_write_failed"
	linesLost   = "log_lines_lost"
)

func newOutput(w io.Writer, f *formatter) *output {
	o := &output{formatter: f, to: withoutSignal(w)}
	if w != os.Stderr {
		o.report = withoutSignal(os.Stderr)
	}
	return o
}

// Write writes one line, or tells why it cannot. It never fails: logrus would tell standard error of every single line.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.torn && o.put([]byte{'\n'}) == nil {
		o.torn = false
	}
	if err := o.whole(p); err != nil {
		o.lost++
		if o.lost == 1 && o.report != nil {
			_, _ = writeSafely(o.report, o.line(writeFailed, Err(err)))
		}
		return len(p), nil
	}
	if o.lost > 0 && o.put(o.line(linesLost, Int64("lines_lost", o.lost))) == nil {
		o.lost = 0
	}
	return len(p), nil
}

func (o *output) whole(p []byte) error {
	if o.torn {
		return io.ErrShortWrite
	}
	return o.put(p)
}

// put writes all of p, in as many writes as the writer needs.
func (o *output) put(p []byte) error {
	for begun := false; len(p) > 0; begun = true {
		n, err := writeSafely(o.to, p)
		if err == nil && n <= 0 {
			err = io.ErrShortWrite
		}
		p = p[min(max(n, 0), len(p)):]
		if err != nil && len(p) > 0 {
			o.torn = o.torn || begun || n > 0
			return err
		}
	}
	return nil
}

// writeSafely is w.Write for a w that may panic.
func writeSafely(w io.Writer, p []byte) (n int, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the writer failed: %s", panicked(r))
		}
	}()
	return w.Write(p)
}

// line makes a line that the output itself has to tell.
func (o *output) line(event string, field Field) []byte {
	var l line
	o.formatter.line(&l, head{time.Now(), logrus.ErrorLevel, ownName, event}, ctxFields{}, []Field{field})
	return l.b
}

var ownName = For().name
