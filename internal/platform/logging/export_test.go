package logging

import (
	"bytes"
	"context"
	"io"
	"time"

	"github.com/sirupsen/logrus"
)

// PackageName is packageName.
var PackageName = packageName

// ColoredCore returns a console core that takes w for a terminal.
func ColoredCore(w io.Writer) *Core {
	return newCore(newOutput(w, &formatter{console: true, color: true, limit: defaultLine}), logrus.DebugLevel)
}

// WantsColor is wantsColor.
var WantsColor = wantsColor

// WritingCore returns a core that writes to w, and what it reports on standard error.
func WritingCore(w io.Writer) (*Core, *bytes.Buffer) {
	out, stderr := newOutput(w, newFormatter(Options{})), &bytes.Buffer{}
	out.report = stderr
	return newCore(out, logrus.InfoLevel), stderr
}

// LogAt logs an event at info, as of the time at.
func LogAt(core *Core, at time.Time, event string) {
	core.log(context.Background(), head{at, logrus.InfoLevel, "x", event}, nil)
}

// MissedAt returns the index of an ordinary byte of text next to which there is a secret, else -1.
func MissedAt(text string) int {
	for i := range len(text) {
		if ordinary(text, i) {
			if _, _, found := secretAt(text, i, 0); found {
				return i
			}
		}
	}
	return -1
}
