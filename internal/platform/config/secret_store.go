package config

import (
	"context"
	"strings"

	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// maxAsking is how many secrets the store is asked for at a time.
const maxAsking = 8

// storedSecret is what the secret store answered.
type storedSecret struct {
	name  string
	value string
	found bool
	err   error
}

// askStore asks the secret store for each secret that no variable and no file holds. When ctx ends it waits no longer, also
// for a store that does not look at ctx.
func (s *sources) askStore(ctx context.Context, fields []*field) {
	if s.secrets == nil {
		return
	}
	s.stored = map[string]storedSecret{}
	var names []string
	for _, f := range fields {
		if f.secret() && !s.isSet(f) {
			names = append(names, f.name)
		}
	}
	questions, answers := make(chan string, len(names)), make(chan storedSecret, len(names)) // room for all: nobody blocks
	for _, name := range names {
		questions <- name
	}
	close(questions)
	for range min(maxAsking, len(names)) {
		go ask(ctx, s.secrets, questions, answers)
	}
	for len(s.stored) < len(names) {
		select {
		case one := <-answers:
			s.stored[one.name] = one
		case <-ctx.Done():
			for _, name := range names {
				if _, answered := s.stored[name]; !answered {
					s.stored[name] = storedSecret{err: context.Cause(ctx)}
				}
			}
		}
	}
}

func ask(ctx context.Context, store SecretStore, questions <-chan string, answers chan<- storedSecret) {
	for name := range questions {
		one := storedSecret{name: name, err: context.Cause(ctx)}
		if one.err == nil {
			one.value, one.found, one.err = store.Secret(ctx, name)
		}
		answers <- one
	}
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
		message := "cannot be read from the secret store: " + one.reason()
		s.problems.fail(Problem{f.name, "secret_store", message, SourceSecretStore})
	}
	return one.value, one.found && f.counts(one.value), one.err
}

// reason says what was wrong, on one line, without the value and anything that looks like a secret.
func (s storedSecret) reason() string {
	const most = 300
	text := s.err.Error()
	if s.value != "" {
		text = strings.ReplaceAll(text, s.value, Secret(s.value).String())
	}
	runes := []rune(strings.Join(strings.Fields(logging.Redact(text)), " "))
	if len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return string(runes)
}
