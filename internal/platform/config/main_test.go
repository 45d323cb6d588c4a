package config_test

import (
	"context"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type vars map[string]string

// given returns Options that see these variables and these files, and nothing of the machine.
func given(environment, files vars) config.Options {
	return config.Options{
		Lookup: func(name string) (string, bool) { value, ok := environment[name]; return value, ok },
		ReadFile: func(path string) ([]byte, error) {
			if content, ok := files[path]; ok {
				return []byte(content), nil
			}
			return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
		},
	}
}

// load is config.Load into an existing struct. The values are there also if some are invalid.
func load[T any](t interface{ Context() context.Context }, dst *T, o config.Options) (*config.Provenance, error) {
	c, p, err := config.Load[T](t.Context(), o)
	if c != nil {
		*dst = *c
	}
	return p, err
}

// problems loads and returns "VARIABLE rule" for each problem.
func problems[T any](t *testing.T, dst *T, o config.Options) []string {
	t.Helper()
	_, err := load(t, dst, o)
	if err == nil {
		return nil
	}
	e, ok := errors.AsType[*config.Error](err)
	require.True(t, ok, "%v", err)
	var list []string
	for _, p := range e.Problems {
		list = append(list, p.Variable+" "+p.Rule)
	}
	return list
}

func source(p *config.Provenance, variable string) string {
	for _, s := range p.Settings {
		if s.Variable == variable {
			return s.Source
		}
	}
	return ""
}
