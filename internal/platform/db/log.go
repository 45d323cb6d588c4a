package db

import "github.com/netrun-systems/go-service-template/internal/platform/logging"

var log = logging.For()

// own returns the logger of this package where the options name none.
func own(l logging.Logger) logging.Logger {
	if l.IsZero() {
		return log
	}
	return l
}
