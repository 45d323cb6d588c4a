package config

import (
	"context"
	"sync"

	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// maxAsking is how many secrets the store is asked for at a time.
const maxAsking = 8

// storedSecret is what the secret store answered.
type storedSecret struct {
	value string
	found bool
	err   error
}

// askStore asks the secret store for each secret that no variable and no file holds.
func (s *sources) askStore(ctx context.Context, fields []*field) {
	if s.secrets == nil {
		return
	}
	var (
		asking sync.WaitGroup
		mu     sync.Mutex
		turns  = make(chan struct{}, maxAsking)
	)
	s.stored = make(map[string]storedSecret)
	for _, f := range fields {
		if !f.secret() || s.isSet(f) {
			continue
		}
		turns <- struct{}{}
		asking.Go(func() {
			defer func() { <-turns }()
			var one storedSecret
			one.value, one.found, one.err = s.secrets.Secret(ctx, f.name)
			mu.Lock()
			defer mu.Unlock()
			s.stored[f.name] = one
		})
	}
	asking.Wait()
}

// isSet reports whether a variable or a file holds the value of f.
func (s *sources) isSet(f *field) bool {
	for _, in := range s.layers {
		if value, _, set := in(f.name); set && f.counts(value) || f.path(in) != "" {
			return true
		}
	}
	return false
}

func (s *sources) fromStore(f *field) (value string, found bool, err error) {
	one := s.stored[f.name]
	if one.err != nil {
		message := "cannot be read from the secret store: " + logging.Redact(one.err.Error())
		s.problems.fail(Problem{f.name, "secret_store", message, SourceSecretStore})
	}
	return one.value, one.found && f.counts(one.value), one.err
}
