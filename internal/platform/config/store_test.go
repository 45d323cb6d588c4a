package config_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// changing is an environment that changes while the program runs. What is added to it is there at once.
type changing struct {
	mu   sync.Mutex
	vars vars
}

func (c *changing) set(v vars) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.vars = v
}

func (c *changing) options() config.Options {
	o := given(nil, nil)
	o.Lookup = func(name string) (string, bool) {
		c.mu.Lock()
		defer c.mu.Unlock()
		value, ok := c.vars[name]
		return value, ok
	}
	return o
}

type limits struct {
	config.Base

	Low  int  `env:"LOW" env-default:"1" env-live:"true"`
	High int  `env:"HIGH" env-default:"9" env-live:"true"`
	Size int  `env:"SIZE" env-default:"5"`
	Same *int `env:"SIZE" env-default:"5"`
}

func (l *limits) Validate(p *config.Problems) {
	if l.Low > l.High {
		p.Add("LOW", "order", "must not be above HIGH")
	}
	if l.Low > l.Size {
		p.Add("LOW", "order", "must not be above SIZE")
	}
}

type other struct {
	config.Base

	Name string `env:"NAME" env-default:"x" env-rule:"minlen=1" env-live:"true"`
}

func TestGetLoadsATypeOnce(t *testing.T) {
	t.Parallel()
	var reads atomic.Int64
	o := given(vars{"LOW": "2"}, nil)
	lookup := o.Lookup
	o.Lookup = func(name string) (string, bool) {
		if name == "LOW" {
			reads.Add(1)
		}
		return lookup(name)
	}
	s := config.NewStore(o)
	var all sync.WaitGroup
	first, err := config.Get[limits](t.Context(), s)
	require.NoError(t, err)
	before := reads.Load()
	for range 20 {
		all.Go(func() {
			again, err := config.Get[limits](t.Context(), s)
			assert.NoError(t, err)
			assert.Same(t, first, again)
		})
	}
	all.Wait()
	assert.Equal(t, before, reads.Load())
	assert.Equal(t, 2, first.Low)
	_, err = config.Get[other](t.Context(), s)
	require.NoError(t, err)
	origins, err := config.Origins[limits](t.Context(), s)
	require.NoError(t, err)
	assert.Equal(t, "environment", origins.Source("LOW"))
}

func TestGetDoesNotRememberErrors(t *testing.T) {
	t.Parallel()
	env := &changing{vars: vars{"LOW": "canary", "APP_NAME": "named"}}
	s := config.NewStore(env.options())
	broken, err := config.Get[limits](t.Context(), s)
	_, ok := errors.AsType[*config.Error](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, "named", broken.AppName, "good enough to set up logging")
	env.set(vars{"LOW": "3"})
	good, err := config.Get[limits](t.Context(), s)
	require.NoError(t, err)
	assert.Equal(t, 3, good.Low)

	type mistake struct {
		A int `env:"A,B"`
	}
	_, err = config.Get[mistake](t.Context(), s)
	require.ErrorContains(t, err, "exactly one name")
	_, _, err = config.Load[mistake](t.Context(), given(nil, nil))
	require.Error(t, err)
}

func TestReloadSwapsEverythingAtOnceOrNothing(t *testing.T) {
	t.Parallel()
	env := &changing{vars: vars{"LOW": "1", "HIGH": "2"}}
	s := config.NewStore(env.options())
	old, err := config.Get[limits](t.Context(), s)
	require.NoError(t, err)
	oldOther, err := config.Get[other](t.Context(), s)
	require.NoError(t, err)

	nothing, err := s.Reload(t.Context())
	require.NoError(t, err)
	assert.Equal(t, config.Change{}, config.Change{Changed: nilIfEmpty(nothing.Changed), RestartRequired: nilIfEmpty(nothing.RestartRequired)})

	env.set(vars{"LOW": "3", "HIGH": "4", "SIZE": "7", "NAME": "y", "APP_NAME": "new"})
	change, err := s.Reload(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"HIGH", "LOW", "NAME"}, change.Changed)
	assert.Equal(t, []string{"APP_NAME", "SIZE"}, change.RestartRequired)
	assert.True(t, change.Has("X", "LOW"))
	assert.False(t, change.Has("SIZE"))
	current, err := config.Get[limits](t.Context(), s)
	require.NoError(t, err)
	assert.Equal(t, []int{3, 4, 5, 5}, []int{current.Low, current.High, current.Size, *current.Same})
	assert.Equal(t, "netrun-service", current.AppName)
	assert.Equal(t, []int{1, 2, 5}, []int{old.Low, old.High, old.Size}, "what was handed out is never written to")
	assert.Equal(t, "x", oldOther.Name)
	origins, err := config.Origins[limits](t.Context(), s)
	require.NoError(t, err)
	assert.Equal(t, "default", origins.Source("SIZE"), "the value that is in effect is the default")

	for name, bad := range map[string]struct {
		vars vars
		want string
	}{
		"a value":             {vars{"LOW": "canary", "HIGH": "9", "NAME": "z"}, "LOW"},
		"a rule of one":       {vars{"LOW": "9", "HIGH": "2", "NAME": "z"}, "LOW"},
		"with what must stay": {vars{"LOW": "6", "HIGH": "9", "SIZE": "8", "NAME": "z"}, "LOW"},
	} {
		env.set(bad.vars)
		_, err := s.Reload(t.Context())
		e, ok := errors.AsType[*config.Error](err)
		require.True(t, ok, "%s: %v", name, err)
		assert.Equal(t, []string{bad.want}, e.Variables(), name)
		assert.NotContains(t, err.Error(), "canary")
		same, err := config.Get[limits](t.Context(), s)
		require.NoError(t, err)
		assert.Same(t, current, same, name)
		sameOther, err := config.Get[other](t.Context(), s)
		require.NoError(t, err)
		assert.Equal(t, "y", sameOther.Name, name)
	}
}

func nilIfEmpty(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	return list
}

func TestSubscribers(t *testing.T) {
	t.Parallel()
	env := &changing{vars: vars{}}
	s := config.NewStore(env.options())
	_, err := config.Get[limits](t.Context(), s)
	require.NoError(t, err)
	var calls []string
	cancel := s.Subscribe(func(ctx context.Context, c config.Change) {
		now, err := config.Get[limits](ctx, s)
		assert.NoError(t, err)
		calls = append(calls, fmt.Sprint("first ", c.Changed, now.High))
	})
	s.Subscribe(func(context.Context, config.Change) { panic("a bad subscriber") })
	s.Subscribe(func(context.Context, config.Change) { calls = append(calls, "last") })

	env.set(vars{"HIGH": "7"})
	_, err = s.Reload(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"first [HIGH] 7", "last"}, calls)
	env.set(vars{"HIGH": "7", "SIZE": "6"})
	_, err = s.Reload(t.Context())
	require.NoError(t, err)
	assert.Len(t, calls, 2, "nothing has changed that can")
	cancel()
	env.set(vars{"HIGH": "8"})
	_, err = s.Reload(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"first [HIGH] 7", "last", "last"}, calls)
}

// Readers that come while the configuration changes two hundred times never see half of a change.
func TestGetDuringReloads(t *testing.T) {
	t.Parallel()
	env := &changing{vars: vars{"LOW": "0", "HIGH": "0", "SIZE": "1000"}}
	s := config.NewStore(env.options())
	ctx, stop := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	for range 50 {
		readers.Go(func() {
			for ctx.Err() == nil {
				l, err := config.Get[limits](context.WithoutCancel(ctx), s)
				if assert.NoError(t, err) && l.Low != l.High {
					assert.Equal(t, l.Low, l.High)
					return
				}
			}
		})
	}
	for i := range 200 {
		env.set(vars{"LOW": fmt.Sprint(i), "HIGH": fmt.Sprint(i), "SIZE": "1000"})
		_, err := s.Reload(t.Context())
		require.NoError(t, err)
	}
	stop()
	readers.Wait()
}

func TestGetAndReloadGiveUpWithTheirCtx(t *testing.T) {
	t.Parallel()
	o := given(nil, nil)
	asked, release := make(chan struct{}), make(chan struct{})
	o.Secrets = storeFunc(func(context.Context, string) (string, bool, error) {
		close(asked)
		<-release
		return "", false, nil
	})
	s := config.NewStore(o)
	type secret struct {
		Key config.Secret `env:"KEY"`
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, err := config.Get[secret](t.Context(), s)
		assert.NoError(t, err)
	}()
	<-asked
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err := config.Get[other](ctx, s)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	_, err = s.Reload(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	close(release)
	<-done
}

type storeFunc func(ctx context.Context, name string) (string, bool, error)

func (f storeFunc) Secret(ctx context.Context, name string) (string, bool, error) {
	return f(ctx, name)
}

func TestSecretsAreAskedForTogether(t *testing.T) {
	t.Parallel()
	type many struct {
		A config.Secret `env:"A"`
		B config.Secret `env:"B"`
		C config.Secret `env:"C"`
		D config.Secret `env:"D"`
	}
	var meet sync.WaitGroup
	meet.Add(3)
	o := given(vars{"D": "here"}, nil)
	o.Secrets = storeFunc(func(_ context.Context, name string) (string, bool, error) {
		meet.Done()
		meet.Wait() // returns when the three that are needed have all been asked for
		if name == "C" {
			return "", false, errors.Sentinel("password=hunter2 refused")
		}
		return name, name == "A", nil
	})
	m, p, err := config.Load[many](t.Context(), o)
	require.ErrorContains(t, err, "C: cannot be read from the secret store: password=[REDACTED] refused")
	assert.Equal(t, "A", m.A.Reveal())
	assert.Equal(t, "secret store", p.Source("A"))
	assert.True(t, m.B.IsZero())
	assert.Equal(t, "here", m.D.Reveal(), "what is set is not asked for")
}

func TestWatchReloadsOnSignals(t *testing.T) {
	t.Parallel()
	env := &changing{vars: vars{}}
	o := env.options()
	o.Environ = func() []string { return []string{"LOG_LEVEK=canary"} }
	s := config.NewStore(o)
	_, err := config.Get[limits](t.Context(), s)
	require.NoError(t, err)
	lines := make(chan string, 8)
	core, err := logging.NewCore(logging.Options{Output: writer(func(p []byte) { lines <- string(p) })})
	require.NoError(t, err)
	signals := make(chan os.Signal, 1)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		config.Watch(ctx, s, signals, logging.New(core, "test"))
	}()
	env.set(vars{"HIGH": "7", "SIZE": "6"})
	signals <- os.Interrupt
	line := <-lines
	assert.Contains(t, line, `"event":"config_reloaded"`)
	assert.Contains(t, line, `"changed":["HIGH"],"restart_required":["SIZE"]`)
	misspelt := <-lines
	assert.Contains(t, misspelt, `"event":"config_variable_unknown"`)
	assert.Contains(t, misspelt, `"variable":"LOG_LEVEK","source":"environment","did_you_mean":"LOG_LEVEL"`)
	assert.NotContains(t, misspelt, "canary")
	env.set(vars{"HIGH": "canary"})
	signals <- os.Interrupt
	line = <-lines
	assert.Contains(t, line, `"event":"config_validation_failed"`)
	assert.Contains(t, line, `"fields":["HIGH"]`)
	assert.NotContains(t, line, "canary")
	stop()
	<-done
}

type writer func([]byte)

func (w writer) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}
