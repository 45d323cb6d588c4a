package logging

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"

	"github.com/sirupsen/logrus"
)

// Options say how a core writes. The zero value is a core that writes JSON to standard error from info.
type Options struct {
	App         string    // in every line as app
	Environment string    // in every line as environment
	Level       string    // debug, info, warning (or warn), error, critical in any case; "" is info
	Format      string    // json or console in any case; "" is json
	Output      io.Writer // standard error for nil; the core writes one line at a time, whole, and outlives its failures
	Sampling    Sampling  // what is done about events that repeat; the zero value writes every line
}

// NewCore returns a logrus logger that writes lines in the form of this package, whoever logs through it. Its level may be
// changed at any time with SetLevel; hooks see the fields of this package in the entry's Data. Its Fatal methods log and
// return. An unknown level or format is an error.
func NewCore(o Options) (*logrus.Logger, error) {
	level, err := ParseLevel(o.Level)
	if err != nil {
		return nil, err
	}
	out := o.Output
	if out == nil {
		out = os.Stderr
	}
	f := &formatter{tail: appAndEnvironment(o), sampler: newSampler(o.Sampling)}
	switch strings.ToLower(o.Format) {
	case "", "json":
	case "console":
		f.console, f.color = true, wantsColor(out)
	default:
		return nil, fmt.Errorf("the log format must be json or console")
	}
	return newCore(out, f, level), nil
}

func newCore(out io.Writer, f *formatter, level logrus.Level) *logrus.Logger {
	core := logrus.New()
	core.SetOutput(newOutput(out, f))
	core.SetFormatter(f)
	core.SetLevel(level)
	core.ExitFunc = func(int) {} // a log line ends no process
	return core
}

func appAndEnvironment(o Options) string {
	var l line
	l.b = append(l.b, `,"app":`...)
	l.text(o.App)
	l.b = append(l.b, `,"environment":`...)
	l.text(o.Environment)
	return string(l.b)
}

var (
	fallback    = newCore(os.Stderr, &formatter{tail: appAndEnvironment(Options{})}, logrus.InfoLevel)
	defaultCore atomic.Pointer[logrus.Logger]
)

// SetDefault makes core what the loggers of [For] and the zero [Logger] write to, also those made before. A nil core
// brings back the first one, which writes JSON to standard error from info. It may be called at any time.
func SetDefault(core *logrus.Logger) { defaultCore.Store(core) }

// SetLevel changes the level of the default core from now on: debug, info, warning (or warn), error, critical in any case.
// Another core has SetLevel itself. An unknown level is an error and changes nothing. It may be called at any time.
func SetLevel(name string) error {
	level, err := ParseLevel(name)
	if err == nil {
		currentCore().SetLevel(level)
	}
	return err
}

func currentCore() *logrus.Logger {
	if core := defaultCore.Load(); core != nil {
		return core
	}
	return fallback
}
