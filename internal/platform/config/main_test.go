package config_test

import (
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

// problems loads and returns "VARIABLE rule" for each problem.
func problems(t *testing.T, dst any, o config.Options) []string {
	t.Helper()
	_, err := config.LoadInto(t.Context(), dst, o)
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
