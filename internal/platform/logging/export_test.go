package logging

import (
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
