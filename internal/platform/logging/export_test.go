package logging

import (
	"bytes"
	"io"

	"github.com/sirupsen/logrus"
)

// PackageName is packageName.
var PackageName = packageName

// SetFallbackOutput sets what the first default core writes to.
func SetFallbackOutput(w io.Writer) { fallback.SetOutput(w) }

// ColoredCore returns a console core that takes w for a terminal.
func ColoredCore(w io.Writer) *logrus.Logger {
	return newCore(w, &formatter{console: true, color: true}, logrus.DebugLevel)
}

// WantsColor is wantsColor.
var WantsColor = wantsColor

// WritingCore returns a core that writes to w, and what it tells of its failures on standard error.
func WritingCore(w io.Writer) (*logrus.Logger, *bytes.Buffer) {
	stderr := &bytes.Buffer{}
	f := &formatter{}
	core := newCore(w, f, logrus.InfoLevel)
	core.SetOutput(&output{formatter: f, to: w, report: stderr})
	return core, stderr
}
