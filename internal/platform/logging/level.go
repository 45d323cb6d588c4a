package logging

import (
	"fmt"
	"strings"

	"github.com/sirupsen/logrus"
)

// levelCritical is logrus's fatal level, which only says how bad it is: [logrus.Entry.Log] does not exit.
const levelCritical = logrus.FatalLevel

// ParseLevel returns the level of a name, for the SetLevel of a core: debug, info, warning (or warn), error, critical in any
// case; "" is info. Any other name is an error.
func ParseLevel(name string) (logrus.Level, error) {
	switch strings.ToLower(name) {
	case "debug":
		return logrus.DebugLevel, nil
	case "info", "":
		return logrus.InfoLevel, nil
	case "warning", "warn":
		return logrus.WarnLevel, nil
	case "error":
		return logrus.ErrorLevel, nil
	case "critical":
		return levelCritical, nil
	}
	return 0, fmt.Errorf("the log level must be debug, info, warning, error or critical")
}

// levelName returns the name of a level in the log. Trace, which only other users of the core have, is debug; panic is
// critical.
func levelName(level logrus.Level) string {
	switch level {
	case logrus.TraceLevel, logrus.DebugLevel:
		return "debug"
	case logrus.InfoLevel:
		return "info"
	case logrus.WarnLevel:
		return "warning"
	case logrus.ErrorLevel:
		return "error"
	default:
		return "critical"
	}
}
