package platformtest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPrivateServerThatDoesNotDoAsItIsTold(t *testing.T) {
	t.Parallel()
	broken := func(ctx context.Context) error {
		_, err := fails(ctx)
		return err
	}
	hostOf := func(r *running, err error) *host {
		h := newHost(environment(nil), nil)
		h.providers = []provider{{"only", func(context.Context) (*running, error) { return r, err }}}
		return h
	}
	well := func(context.Context) error { return nil }
	const dsn = "postgres://u:p@127.0.0.1:1/d"
	for name, tt := range map[string]struct {
		host *host
		do   func(*fakeTB, *PrivateServer)
		log  string
	}{
		"cannot be started": {hostOf(fails(t.Context())), nil, "no PostgreSQL to test with: only: it does not work"},
		"has no address":    {hostOf(&running{dsn: "host=x", stop: well}, nil), nil, "not a URL"},
		"does not stop":     {hostOf(&running{dsn: dsn, stop: broken}, nil), nil, "stop the private server: it does not work"},
		"does not die": {
			hostOf(&running{dsn: dsn, stop: well, kill: broken}, nil),
			func(tb *fakeTB, s *PrivateServer) { s.Kill(tb) }, "it does not work",
		},
		"does not come back": {
			hostOf(&running{dsn: dsn, stop: well, revive: func(ctx context.Context) (string, error) { return "", broken(ctx) }}, nil),
			func(tb *fakeTB, s *PrivateServer) { s.Start(tb) }, "it does not work",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tb := try(t, func(tb *fakeTB) {
				s := tt.host.private(tb)
				if tt.do != nil {
					tt.do(tb, s)
				}
			})
			assert.True(t, tb.failed)
			assert.Contains(t, tb.log, tt.log)
		})
	}
}

func TestLocalServerIsKilledAndStarted(t *testing.T) {
	t.Parallel()
	r, err := startLocal(t.Context(), available)
	require.NoError(t, err)
	require.NoError(t, r.kill(t.Context()))
	dsn, err := r.revive(t.Context())
	require.NoError(t, err)
	s, err := connect(t.Context(), &running{dsn: dsn})
	require.NoError(t, err)
	require.NoError(t, s.admin.Close())
	require.NoError(t, r.stop(t.Context()))
	require.Error(t, r.kill(t.Context()), "it is dead already")
}
