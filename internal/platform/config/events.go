package config

import (
	"context"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// LogLoaded writes the event config_loaded. The environment is in it like in every line. [Load] cannot log it itself:
// logging is set up from what it reads.
func LogLoaded(ctx context.Context, log logging.Logger, b Base) {
	log.Info(ctx, "config_loaded", logging.String("app_name", b.AppName))
}

// LogFailed writes the event config_validation_failed for the error of [Load], with the names of the variables as fields.
func LogFailed(ctx context.Context, log logging.Logger, err error) {
	fields := []string{}
	if e, ok := errors.AsType[*Error](err); ok {
		fields = e.Variables()
	}
	log.Error(ctx, "config_validation_failed", logging.Err(err), logging.Strings("fields", fields))
}
