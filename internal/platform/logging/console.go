package logging

import (
	"io"
	"os"

	"github.com/sirupsen/logrus"
)

const (
	colorOff  = "\x1b[0m"
	colorDim  = "\x1b[2m"
	colorBold = "\x1b[1m"
)

// consoleHead appends what a line on a terminal begins with: the time of day, the level, the event and the logger.
func (l *line) consoleHead(h head) {
	l.paint(colorDim)
	l.b = h.time.AppendFormat(l.b, "15:04:05.000")
	l.paint(colorOff)
	l.b = append(l.b, ' ')
	name := levelName(h.level)
	l.paint(levelColor(h.level))
	l.b = append(l.b, name...)
	l.b = append(l.b, "         "[len(name):]...)
	l.paint(colorOff)
	l.paint(colorBold)
	l.plain(func() { l.text(h.event) })
	l.paint(colorOff)
	l.b = append(l.b, ' ')
	l.paint(colorDim)
	l.plain(func() { l.text(h.logger) })
	l.paint(colorOff)
}

func (l *line) paint(code string) {
	if l.color {
		l.b = append(l.b, code...)
	}
}

// consoleField appends key=value.
func (l *line) consoleField(k *key, f *Field) {
	l.b = append(l.b, ' ')
	l.paint(colorDim)
	l.plain(func() { l.b = append(l.b, k.json[len(","):len(k.json)-len(":")]...) })
	l.b = append(l.b, '=')
	l.paint(colorOff)
	l.plain(func() { l.fieldValue(k, f) })
}

// plain takes the quotes off the JSON that add appends, where it is a text that reads the same without.
func (l *line) plain(add func()) {
	start := len(l.b)
	add()
	value := l.b[start:]
	if len(value) < 3 || value[0] != '"' {
		return
	}
	for _, c := range value[1 : len(value)-1] {
		if c <= ' ' || c == '"' || c == '\\' || c == '=' {
			return
		}
	}
	copy(value, value[1:len(value)-1])
	l.b = l.b[:len(l.b)-2]
}

func levelColor(level logrus.Level) string {
	switch level {
	case logrus.TraceLevel, logrus.DebugLevel:
		return "\x1b[36m"
	case logrus.InfoLevel:
		return "\x1b[32m"
	case logrus.WarnLevel:
		return "\x1b[33m"
	case logrus.ErrorLevel:
		return "\x1b[31m"
	default:
		return "\x1b[1;35m"
	}
}

// wantsColor reports whether w is a terminal and nobody asked for plain text (https://no-color.org).
func wantsColor(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
