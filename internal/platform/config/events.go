package config

import (
	"context"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// LogLoaded writes the event config_loaded. The environment is in it like in every line. [LoadInto] cannot log it itself:
// logging is set up from what it reads.
func LogLoaded(ctx context.Context, log logging.Logger, b Base) {
	log.Info(ctx, "config_loaded", logging.String("app_name", b.AppName))
}

// LogSuggestions writes the event config_variable_unknown for each variable that may be misspelt, at warning.
func LogSuggestions(ctx context.Context, log logging.Logger, p *Provenance) {
	logSuggestions(ctx, log, p.suggestions)
}

func logSuggestions(ctx context.Context, log logging.Logger, list []Suggestion) {
	for _, one := range list {
		log.Warn(ctx, "config_variable_unknown", logging.String("variable", one.Variable), logging.String("source", one.Source),
			logging.String("did_you_mean", one.DidYouMean))
	}
}

// LogReloaded writes the event config_reloaded, with the names of the variables that have changed, and of those whose change
// needs a restart.
func LogReloaded(ctx context.Context, log logging.Logger, c Change) {
	log.Info(ctx, "config_reloaded", logging.Strings("changed", list(c.Changed)), logging.Strings("restart_required", list(c.RestartRequired)))
}

// list is never nil, so that the line has [] for no names.
func list(names []string) []string { return append([]string{}, names...) }

// LogFailed writes the event config_validation_failed for the error of [LoadInto] or [Store.Reload], with the names of the
// variables as fields, and what [LogSuggestions] writes: a variable that is missing may only be misspelt.
func LogFailed(ctx context.Context, log logging.Logger, err error) {
	fields, suggestions := []string{}, []Suggestion(nil)
	if e, ok := errors.AsType[*Error](err); ok {
		fields, suggestions = e.Variables(), e.Suggestions
	}
	log.Error(ctx, "config_validation_failed", logging.Err(err), logging.Strings("fields", fields))
	logSuggestions(ctx, log, suggestions)
}
