package logging

import (
	"context"
	"time"

	"github.com/sirupsen/logrus"
)

// Sampling thins out events that repeat. Of the lines with one level, logger and event, the first First in each Interval
// are written and every Thereafter-th of the others. The next one that is written has the field dropped_count, how many
// were not. Where the interval is over and none has come, the next line of any other event brings log_lines_dropped with
// it, which tells the same with dropped_event; at the end of the program [Flush] does. So no count is lost, and no
// goroutine waits for it.
//
// Lines from error on, audit lines and those that others log through the core by logrus itself are never dropped. The zero
// value drops nothing, and costs nothing.
type Sampling struct {
	First      int           // lines of an event that are written in each interval; zero turns sampling off
	Thereafter int           // of the others one in so many is written; zero is none
	Interval   time.Duration // zero is a second
}

const (
	droppedCount = "dropped_count"
	linesDropped = "log_lines_dropped"
)

// Flush writes a line for each event of which lines were dropped that no line has told of since. Call it at the end of a
// program whose core samples. It does nothing for any other core; nil is the default one. Lines of a level that is off by
// then are told of when it is on again.
func Flush(core *logrus.Logger) {
	if core == nil {
		core = currentCore()
	}
	var p probe
	if f, _ := p.look(core, logrus.InfoLevel); f != nil && f.sampler != nil {
		tell(core, f.sampler.pending(core))
	}
}

// tell writes what was dropped, under the names of the loggers whose lines they were.
func tell(core *logrus.Logger, list []sample) {
	for _, one := range list {
		New(core, one.logger).at(context.Background(), one.level, linesDropped,
			String("dropped_event", one.event), Int64(droppedCount, one.dropped))
	}
}
