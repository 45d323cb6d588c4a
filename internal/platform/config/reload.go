package config

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// Reloader holds a configuration and reads it again on request. It is safe for concurrent use.
type Reloader[T any] struct {
	options Options
	current atomic.Pointer[T]

	mu   sync.Mutex // held during a reload
	last loaded[T]  // what current was made from
}

// NewReloader loads T as [Load] does. If the error is an [*Error], the result is valid as described
// there, and Get returns that T; after any other error the Reloader is nil.
func NewReloader[T any](ctx context.Context, o Options) (*Reloader[T], *Provenance, error) {
	l, err := load[T](ctx, o)
	if l.value == nil {
		return nil, nil, err
	}
	r := &Reloader[T]{options: o, last: l}
	r.current.Store(l.value)
	return r, l.provenance, err
}

// Get returns the configuration in effect. Callers must not write to it; a reload replaces it and
// does not change it.
func (r *Reloader[T]) Get() *T { return r.current.Load() }

// Change is the result of a reload. The names are sorted.
type Change struct {
	Changed         []string // live variables that have a new value
	RestartRequired []string // other variables whose source has a new value, which only a restart applies
	Suggestions     []Suggestion
}

// Has reports whether one of the variables has changed.
func (c Change) Has(variables ...string) bool {
	return slices.ContainsFunc(variables, func(v string) bool { return slices.Contains(c.Changed, v) })
}

// Reload reads the sources again and replaces the configuration, or keeps all of it and returns an
// [*Error].
//
// Only variables with env-live:"true" change. The others are pinned: they keep their value until a
// restart. The result is validated twice, as read and as it takes effect with the pinned values.
// APP_ENVIRONMENT is one of those, so that the rules of production hold whatever the sources say
// later.
func (r *Reloader[T]) Reload(ctx context.Context) (Change, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	next, err := load[T](ctx, r.options)
	if err != nil {
		return Change{}, err
	}
	change := Change{Changed: []string{}, RestartRequired: []string{}, Suggestions: next.provenance.Suggestions}
	next.texts[variableEnvironment] = r.last.texts[variableEnvironment]
	for i, f := range next.plan.fields {
		switch {
		case sameValue(f.value, r.last.plan.fields[i].value):
		case f.live:
			change.Changed = append(change.Changed, f.name)
		default:
			change.RestartRequired = append(change.RestartRequired, f.name)
			next.texts[f.name] = r.last.texts[f.name]
		}
	}
	next.value = new(T)
	if next.plan, err = newPlan(reflect.ValueOf(next.value).Elem()); err != nil {
		return Change{}, err
	}
	if next.provenance, err = next.plan.fill(next.texts, &problems{}); err != nil {
		return Change{}, err
	}
	slices.Sort(change.Changed)
	slices.Sort(change.RestartRequired)
	r.last = next
	r.current.Store(next.value)
	return change, nil
}

// sameValue compares two values as read. A variable without a value has the zero reflect.Value.
func sameValue(a, b reflect.Value) bool {
	if !a.IsValid() || !b.IsValid() {
		return a.IsValid() == b.IsValid()
	}
	return reflect.DeepEqual(a.Interface(), b.Interface())
}

// Watch reloads for each signal, usually SIGHUP, until ctx ends or the channel is closed. After a
// reload that changed a live variable it calls apply with the new configuration. It logs
// config_reloaded, config_validation_failed, or config_change_failed if apply fails or panics.
// Signals during a reload cause one more; the channel needs room for one.
func (r *Reloader[T]) Watch(
	ctx context.Context, signals <-chan os.Signal, log logging.Logger, apply func(context.Context, *T, Change) error,
) {
	for {
		select {
		case <-ctx.Done():
			return
		case _, open := <-signals:
			if !open {
				return
			}
		}
		for len(signals) > 0 { // all of them request the same
			<-signals
		}
		change, err := r.Reload(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			LogFailed(ctx, log, err,
				logging.String("message", "the reload changed nothing: the service keeps its configuration"))
			continue
		}
		if len(change.Changed) > 0 {
			if err := safely(func() error { return apply(ctx, r.Get(), change) }); err != nil {
				log.Error(ctx, "config_change_failed", logging.Err(err))
			}
		}
		log.Info(ctx, "config_reloaded", logging.Strings("changed", change.Changed),
			logging.Strings("restart_required", change.RestartRequired))
		LogSuggestions(ctx, log, change.Suggestions)
	}
}

// safely returns a panic of f as an error, because a failed change must not end the service.
func safely(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return f()
}
