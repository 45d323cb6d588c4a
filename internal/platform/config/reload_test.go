package config_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// changing is an environment that changes while the program runs.
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

	Low  int    `env:"LOW" env-default:"1" env-live:"true"`
	High int    `env:"HIGH" env-default:"9" env-live:"true"`
	Size int    `env:"SIZE" env-default:"5"`
	Same *int   `env:"SIZE" env-default:"5"`
	Name string `env:"NAME" env-default:"x" env-live:"true"`
}

func (l *limits) Validate(report func(variable, rule, message string)) {
	if l.Low > l.High {
		report("LOW", "order", "must not be above HIGH")
	}
	if l.Low > l.Size {
		report("LOW", "order", "must not be above SIZE")
	}
}

func newReloader[T any](t testing.TB, o config.Options) *config.Reloader[T] {
	t.Helper()
	r, _, err := config.NewReloader[T](t.Context(), o)
	require.NoError(t, err)
	return r
}

func TestNewReloaderReturnsDefaultsForInvalidValues(t *testing.T) {
	t.Parallel()
	env := &changing{vars: vars{"LOW": "canary", "APP_NAME": "named"}}
	r, provenance, err := config.NewReloader[limits](t.Context(), env.options())
	_, ok := errors.AsType[*config.Error](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, "environment", source(provenance, "LOW"))
	assert.Equal(t, "named", r.Get().AppName, "logging can be set up with it")
	assert.Equal(t, 1, r.Get().Low)
}

func TestReloadChangesAllOrNothing(t *testing.T) {
	t.Parallel()
	env := &changing{vars: vars{"LOW": "1", "HIGH": "2"}}
	r := newReloader[limits](t, env.options())
	old := r.Get()
	change, err := r.Reload(t.Context())
	require.NoError(t, err)
	assert.Equal(t, config.Change{Changed: []string{}, RestartRequired: []string{}}, change)

	env.set(vars{"LOW": "3", "HIGH": "4", "SIZE": "7", "NAME": "y", "APP_NAME": "new"})
	for range 2 {
		change, err = r.Reload(t.Context())
		require.NoError(t, err)
		assert.Equal(t, []string{"APP_NAME", "SIZE"}, change.RestartRequired, "every time until the restart")
	}
	assert.Empty(t, change.Changed)
	current := r.Get()
	assert.Equal(t, []int{3, 4, 5, 5}, []int{current.Low, current.High, current.Size, *current.Same})
	assert.Equal(t, old.AppName, current.AppName)
	assert.Equal(t, []int{1, 2, 5}, []int{old.Low, old.High, old.Size}, "a reload does not write to the old value")
	assert.Equal(t, "x", old.Name)

	for name, bad := range map[string]struct {
		vars vars
		want string
	}{
		"an invalid value":    {vars{"LOW": "canary", "HIGH": "9", "NAME": "z"}, "LOW"},
		"a validator":         {vars{"LOW": "9", "HIGH": "2", "NAME": "z"}, "LOW"},
		"with a pinned value": {vars{"LOW": "6", "HIGH": "9", "SIZE": "8", "NAME": "z"}, "LOW"},
	} {
		env.set(bad.vars)
		_, err := r.Reload(t.Context())
		e, ok := errors.AsType[*config.Error](err)
		require.True(t, ok, "%s: %v", name, err)
		assert.Equal(t, []string{bad.want}, e.Variables(), name)
		assert.NotContains(t, err.Error(), "canary")
		assert.Same(t, current, r.Get(), name)
	}
}

func TestReloadReturnsWhatChanged(t *testing.T) {
	t.Parallel()
	env := &changing{vars: vars{}}
	r := newReloader[limits](t, env.options())
	env.set(vars{"LOW": "01", "NAME": "y", "HIGH": "8", "SIZE": "6"})
	change, err := r.Reload(t.Context())
	require.NoError(t, err)
	assert.Equal(t, config.Change{Changed: []string{"HIGH", "NAME"}, RestartRequired: []string{"SIZE"}}, change, "01 is 1")
	assert.True(t, change.Has("X", "NAME"))
	assert.False(t, change.Has("SIZE"))
}

// derived has settings that a Validate derives from others.
type derived struct {
	Name   string   `env:"NAME" env-default:"a"`
	Live   string   `env:"LIVE" env-default:"a" env-live:"true"`
	Title  string   `env:"TITLE" env-live:"true"` // from Name
	Issuer string   `env:"ISSUER"`                // from Live
	Items  []string `env:"ITEMS" env-default:"c,b,a"`
	length int
}

func (d *derived) Validate(func(variable, rule, message string)) {
	if d.Title == "" {
		d.Title = "of " + d.Name
	}
	d.Issuer = "from " + d.Live
	d.length = len(d.Name)
	slices.Sort(d.Items)
}

func TestReloadDerivesFromTheValuesInEffect(t *testing.T) {
	t.Parallel()
	env := &changing{vars: vars{}}
	r := newReloader[derived](t, env.options())
	old := r.Get()
	env.set(vars{"NAME": "long", "LIVE": "b", "ITEMS": "z,y"})
	change, err := r.Reload(t.Context())
	require.NoError(t, err)
	assert.Equal(t, config.Change{Changed: []string{"LIVE"}, RestartRequired: []string{"ITEMS", "NAME"}}, change)
	now := r.Get()
	assert.Equal(t, &derived{Name: "a", Live: "b", Title: "of a", Issuer: "from b", Items: []string{"a", "b", "c"}, length: 1}, now)
	assert.NotSame(t, &old.Items[0], &now.Items[0], "a Validate may sort its list")
}

func TestReloadKeepsTheRulesOfProduction(t *testing.T) {
	t.Parallel()
	type keys struct {
		config.Base

		Key config.Secret `env:"KEY" env-live:"true"`
	}
	env := &changing{vars: vars{"APP_ENVIRONMENT": "production", "KEY": randomSecret}}
	r := newReloader[keys](t, env.options())
	env.set(vars{"APP_ENVIRONMENT": "development", "KEY": "changeme"})
	_, err := r.Reload(t.Context())
	require.EqualError(t, err, "invalid configuration:\n  KEY: must not be a placeholder or contain a placeholder password (environment)")
	env.set(vars{"APP_ENVIRONMENT": "development", "KEY": randomSecret[1:] + "B"})
	change, err := r.Reload(t.Context())
	require.NoError(t, err)
	assert.Equal(t, config.Change{Changed: []string{"KEY"}, RestartRequired: []string{"APP_ENVIRONMENT"}}, change)
	assert.True(t, r.Get().IsProduction())

	type key struct {
		Key config.Secret `env:"KEY" env-live:"true"`
	}
	env = &changing{vars: vars{"APP_ENVIRONMENT": "production", "KEY": randomSecret}}
	other := newReloader[key](t, env.options())
	env.set(vars{"APP_ENVIRONMENT": "development", "KEY": "changeme"})
	_, err = other.Reload(t.Context())
	require.ErrorContains(t, err, "KEY: must not be a placeholder", "without a field for the environment")
}

// Readers during two hundred reloads never see a part of a change.
func TestGetDuringReloads(t *testing.T) {
	t.Parallel()
	env := &changing{vars: vars{"LOW": "0", "HIGH": "0", "SIZE": "1000"}}
	r := newReloader[limits](t, env.options())
	ctx, stop := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for ctx.Err() == nil {
				if l := r.Get(); l.Low != l.High {
					assert.Equal(t, l.Low, l.High)
					return
				}
			}
		})
	}
	for i := range 200 {
		env.set(vars{"LOW": fmt.Sprint(i), "HIGH": fmt.Sprint(i), "SIZE": "1000"})
		_, err := r.Reload(t.Context())
		require.NoError(t, err)
	}
	stop()
	readers.Wait()
}

type writer func([]byte)

func (w writer) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}

func TestWatchReloadsOnSignals(t *testing.T) {
	t.Parallel()
	env := &changing{vars: vars{}}
	o := env.options()
	o.Environ = []string{"LOG_LEVEK=canary"}
	r := newReloader[limits](t, o)
	lines := make(chan string, 8)
	core, err := logging.NewCore(logging.Options{Output: writer(func(p []byte) { lines <- string(p) })})
	require.NoError(t, err)
	signals := make(chan os.Signal, 1)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	var applied []int
	go func() {
		defer close(done)
		r.Watch(ctx, signals, logging.New(core, "test"), func(_ context.Context, l *limits, c config.Change) error {
			assert.Equal(t, []string{"HIGH"}, c.Changed)
			applied = append(applied, l.High)
			if l.High == 8 {
				panic("hunter")
			}
			return nil
		})
	}()
	reload := func(v vars, want ...string) {
		t.Helper()
		env.set(v)
		signals <- os.Interrupt
		for _, one := range want {
			line := <-lines
			assert.Contains(t, line, one)
			assert.NotContains(t, line, "canary")
		}
	}
	const suggestion = `"event":"config_variable_unknown"`
	reload(vars{"HIGH": "7", "SIZE": "6"},
		`"event":"config_reloaded"`, `"variable":"LOG_LEVEK","source":"environment","did_you_mean":"LOG_LEVEL"`)
	reload(vars{"HIGH": "7", "SIZE": "6"}, `"changed":[],"restart_required":["SIZE"]`, suggestion)
	reload(vars{"HIGH": "canary"}, `"event":"config_validation_failed"`, suggestion)
	reload(vars{"HIGH": "canary"}, `"fields":["HIGH"]`, suggestion)
	reload(vars{"HIGH": "8"}, `"event":"config_change_failed"`, `"changed":["HIGH"],"restart_required":[]`, suggestion)
	stop()
	<-done
	assert.Equal(t, []int{7, 8}, applied, "called for changes only")
}

func TestWatchCombinesSignals(t *testing.T) {
	t.Parallel()
	r := newReloader[limits](t, given(nil, nil))
	var out bytes.Buffer
	core, err := logging.NewCore(logging.Options{Output: &out})
	require.NoError(t, err)
	signals := make(chan os.Signal, 5)
	for range cap(signals) {
		signals <- os.Interrupt
	}
	close(signals)
	r.Watch(t.Context(), signals, logging.New(core, "test"), nil) // returns, because the channel is closed
	assert.Equal(t, 1, bytes.Count(out.Bytes(), []byte("config_reloaded")))

	ctx, stop := context.WithCancel(t.Context())
	stop()
	r.Watch(ctx, make(chan os.Signal), logging.New(core, "test"), nil)
}
