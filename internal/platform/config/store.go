package config

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"sync/atomic"
)

// Store holds the configuration of a program: one value of each type that it is asked for with [Get]. It reads them all again
// with [Store.Reload]. It is safe for concurrent use.
type Store struct {
	options     Options
	turn        chan struct{} // holds one token: who has it may load, reload and subscribe
	snapshots   atomic.Pointer[map[reflect.Type]snapshot]
	subscribers []*subscriber
}

// snapshot is a value that has been loaded, with its plan. Nobody writes to it any more.
type snapshot struct {
	value      any // a *T
	plan       *plan
	provenance *Provenance
}

// NewStore returns a store that reads from the sources of o. It reads nothing yet.
func NewStore(o Options) *Store {
	s := &Store{options: o, turn: make(chan struct{}, 1)}
	s.turn <- struct{}{}
	s.snapshots.Store(&map[reflect.Type]snapshot{})
	return s
}

// Get returns the configuration of type T. The first call loads it; later ones return the same pointer, until a reload has
// made another. Callers must not write to it.
//
// An error is not remembered: the next call tries again. Where it is an [*Error], the T that comes with it is that of [Load].
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
	if err := s.lock(ctx); err != nil {
		return snapshot{}, err
	}
	defer s.unlock()
	known := *s.snapshots.Load()
	if one, ok := known[t]; ok {
		return one, nil
	}
	one, err := s.load(ctx, fresh())
	if err != nil {
		return one, err
	}
	next := maps.Clone(known)
	next[t] = one
	s.snapshots.Store(&next)
	return one, nil
}

func (s *Store) load(ctx context.Context, dst any) (snapshot, error) {
	p, err := newPlan(dst)
	if err != nil {
		return snapshot{}, err
	}
	provenance, err := p.load(ctx, s.options)
	return snapshot{value: dst, plan: p, provenance: provenance}, err
}

func (s *Store) lock(ctx context.Context) error {
	select {
	case <-s.turn:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the configuration to be read: %w", context.Cause(ctx))
	}
}

func (s *Store) unlock() { s.turn <- struct{}{} }
