package config

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"reflect"
	"sync"
	"sync/atomic"
)

// Store holds the configuration of a program: one value of each type that it is asked for with [Get]. It reads them all again
// with [Store.Reload]. It is safe for concurrent use.
type Store struct {
	options   Options
	turn      chan struct{} // holds one token: who has it may load and swap
	reloading chan struct{} // holds one token: who has it may reload and call the subscribers
	snapshots atomic.Pointer[map[reflect.Type]snapshot]

	mu          sync.Mutex
	subscribers []*subscriber
}

// snapshot is a value that has been loaded, with its plan. Nobody writes to it any more.
type snapshot struct {
	value       any // a *T
	plan        *plan
	provenance  *Provenance
	environment Environment // where the service runs
}

// NewStore returns a store that reads from the sources of o. It reads nothing yet.
func NewStore(o Options) *Store {
	s := &Store{options: o, turn: make(chan struct{}, 1), reloading: make(chan struct{}, 1)}
	s.turn <- struct{}{}
	s.reloading <- struct{}{}
	s.snapshots.Store(&map[reflect.Type]snapshot{})
	return s
}

// Get returns the configuration of type T. The first call loads it; later ones return the same pointer, until a reload has
// made another. Callers must not write to it. Variables that another type has too are as they are there, whatever has
// become of their sources since: only a reload changes them, for both.
//
// An error is not remembered: the next call tries again. Where it is an [*Error], the T that comes with it is that of [Load].
// That two types disagree on the type, default, rules or tags of a variable is an error as well, as it is in one struct.
func Get[T any](ctx context.Context, s *Store) (*T, error) {
	one, err := s.get(ctx, reflect.TypeFor[T](), func() any { return new(T) })
	value, _ := one.value.(*T)
	return value, err
}

// Origins returns where the values of the configuration of type T are from, and what may be misspelt. Like [Get] it loads it
// where nothing has yet. What an [*Error] comes with is valid too.
func Origins[T any](ctx context.Context, s *Store) (*Provenance, error) {
	one, err := s.get(ctx, reflect.TypeFor[T](), func() any { return new(T) })
	return one.provenance, err
}

func (s *Store) get(ctx context.Context, t reflect.Type, fresh func() any) (snapshot, error) {
	if one, ok := (*s.snapshots.Load())[t]; ok {
		return one, nil
	}
	if err := take(ctx, s.turn); err != nil {
		return snapshot{}, err
	}
	defer give(s.turn)
	known := *s.snapshots.Load()
	if one, ok := known[t]; ok {
		return one, nil
	}
	one, err := s.load(ctx, fresh(), running(known))
	if err != nil {
		return one, err
	}
	if one, err = one.join(known); err != nil {
		return one, err
	}
	next := maps.Clone(known)
	next[t] = one
	s.snapshots.Store(&next)
	return one, nil
}

// load reads a value. Its environment is the one that the service runs in, if that is known.
func (s *Store) load(ctx context.Context, dst any, running Environment) (snapshot, error) {
	p, err := newPlan(dst)
	if err != nil {
		return snapshot{}, err
	}
	o := s.options
	o.running = running
	provenance, err := p.load(ctx, o)
	return snapshot{dst, p, provenance, cmp.Or(running, p.environment)}, err
}

// running returns the environment of what is loaded, "" where nothing is.
func running(known map[reflect.Type]snapshot) Environment {
	for _, one := range known {
		return one.environment
	}
	return ""
}

func take(ctx context.Context, turn chan struct{}) error {
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the configuration to be read: %w", context.Cause(ctx))
	}
}

func give(turn chan struct{}) { turn <- struct{}{} }
