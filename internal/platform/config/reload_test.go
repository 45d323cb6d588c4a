package config_test

import (
	"bytes"
	"context"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// derived has settings that follow from others, of both kinds.
type derived struct {
	Name   string   `env:"NAME" env-default:"a"`
	Live   string   `env:"LIVE" env-default:"a" env-live:"true"`
	Title  string   `env:"TITLE" env-live:"true"` // follows from Name
	Issuer string   `env:"ISSUER"`                // follows from Live
	Items  []string `env:"ITEMS" env-default:"c,b,a"`
	length int
}

func (d *derived) Validate(*config.Problems) {
	if d.Title == "" {
		d.Title = "of " + d.Name
	}
	d.Issuer = "from " + d.Live
	d.length = len(d.Name)
	slices.Sort(d.Items)
}

func TestReloadDerivesFromWhatIsInEffect(t *testing.T) {
	t.Parallel()
	env := &changing{vars: vars{}}
	s := config.NewStore(env.options())
	old, err := config.Get[derived](t.Context(), s)
	require.NoError(t, err)
	env.set(vars{"NAME": "long", "LIVE": "b", "ITEMS": "z,y"})
	change, err := s.Reload(t.Context())
	require.NoError(t, err)
	assert.Equal(t, config.Change{Changed: []string{"LIVE"}, RestartRequired: []string{"ISSUER", "ITEMS", "NAME"}}, change)
	now, err := config.Get[derived](t.Context(), s)
	require.NoError(t, err)
	assert.Equal(t, &derived{Name: "a", Live: "b", Title: "of a", Issuer: "from a", Items: []string{"a", "b", "c"}, length: 1}, now)
	assert.NotSame(t, &old.Items[0], &now.Items[0], "a Validate may sort its own list, never one that was handed out")
	origins, err := config.Origins[derived](t.Context(), s)
	require.NoError(t, err)
	for variable, source := range map[string]string{
		"NAME": "default", "LIVE": "environment", "TITLE": "derived", "ISSUER": "derived", "ITEMS": "default",
	} {
		assert.Equal(t, source, origins.Source(variable), variable)
	}
}

// A service that runs in production is held to the rules of production, whatever its dotenv file says later.
func TestReloadStaysInItsEnvironment(t *testing.T) {
	t.Parallel()
	type keys struct {
		config.Base

		Key config.Secret `env:"KEY" env-rule:"strong" env-live:"true"`
	}
	env := &changing{vars: vars{"APP_ENVIRONMENT": "production", "KEY": randomSecret}}
	s := config.NewStore(env.options())
	_, err := config.Get[keys](t.Context(), s)
	require.NoError(t, err)
	env.set(vars{"APP_ENVIRONMENT": "development", "KEY": "changeme"})
	_, err = s.Reload(t.Context())
	require.EqualError(t, err, "the configuration is not valid:\n  KEY: must be a random secret of at least 32 characters, not a placeholder (environment)")
	env.set(vars{"APP_ENVIRONMENT": "development", "KEY": randomSecret[1:] + "B"})
	change, err := s.Reload(t.Context())
	require.NoError(t, err)
	assert.Equal(t, config.Change{Changed: []string{"KEY"}, RestartRequired: []string{"APP_ENVIRONMENT"}}, change)
	now, err := config.Get[keys](t.Context(), s)
	require.NoError(t, err)
	assert.True(t, now.IsProduction())

	type late struct {
		config.Base

		Other config.Secret `env:"OTHER" env-rule:"strong"`
	}
	env.set(vars{"OTHER": "changeme"})
	_, err = config.Get[late](t.Context(), s)
	require.ErrorContains(t, err, "OTHER: must be a random secret", "a type that comes later too")
}

// What two types share is the same in both, also when the second is loaded after a change that was not taken over yet.
func TestTypesShareTheirVariables(t *testing.T) {
	t.Parallel()
	env := &changing{vars: vars{"APP_NAME": "old"}}
	s := config.NewStore(env.options())
	_, err := config.Get[limits](t.Context(), s)
	require.NoError(t, err)
	env.set(vars{"APP_NAME": "new", "LOG_LEVEL": "debug", "NAME": "y"})
	late, err := config.Get[other](t.Context(), s)
	require.NoError(t, err)
	assert.Equal(t, []string{"old", "info", "y"}, []string{late.AppName, late.LogLevel, late.Name})
	origins, err := config.Origins[other](t.Context(), s)
	require.NoError(t, err)
	assert.Equal(t, "default", origins.Source("LOG_LEVEL"))

	change, err := s.Reload(t.Context())
	require.NoError(t, err)
	assert.Equal(t, config.Change{Changed: []string{"LOG_LEVEL"}, RestartRequired: []string{"APP_NAME"}}, change)
	for _, level := range []func() string{
		func() string { c, _ := config.Get[limits](t.Context(), s); return c.LogLevel },
		func() string { c, _ := config.Get[other](t.Context(), s); return c.LogLevel },
	} {
		assert.Equal(t, "debug", level())
	}

	type disagrees struct {
		Low int `env:"LOW" env-default:"1"`
	}
	_, err = config.Get[disagrees](t.Context(), s)
	require.ErrorContains(t, err, "disagrees.Low: differs from config_test.limits.Low")
	_, isProblem := errors.AsType[*config.Error](err)
	assert.False(t, isProblem)
}

// The old values that stay may break a rule of a type together with new ones of its own.
func TestLateTypeIsValidatedWithWhatStays(t *testing.T) {
	t.Parallel()
	env := &changing{vars: vars{"LIMIT": "5"}}
	s := config.NewStore(env.options())
	_, err := config.Get[limit](t.Context(), s)
	require.NoError(t, err)
	env.set(vars{"LIMIT": "9", "AMOUNT": "7"})
	_, err = config.Get[bounded](t.Context(), s)
	require.EqualError(t, err, "the configuration is not valid:\n  AMOUNT: must be in 0..5 (environment)")
}

type limit struct {
	Limit int `env:"LIMIT"`
}

type bounded struct {
	limit

	Amount int `env:"AMOUNT"`
}

func (b *bounded) Validate(p *config.Problems) { p.Range("AMOUNT", b.Amount, 0, b.Limit) }

// A subscriber may ask for a type that is not loaded yet, end its own subscription, and begin another.
func TestSubscribersMayUseTheStore(t *testing.T) {
	t.Parallel()
	env := &changing{vars: vars{}}
	s := config.NewStore(env.options())
	_, err := config.Get[limits](t.Context(), s)
	require.NoError(t, err)
	var calls []string
	var cancel func()
	cancel = s.Subscribe(func(ctx context.Context, _ config.Change) {
		fresh, err := config.Get[other](ctx, s)
		assert.NoError(t, err)
		calls = append(calls, fresh.Name)
		cancel()
		s.Subscribe(func(context.Context, config.Change) { calls = append(calls, "new") })
	})
	for _, high := range []string{"7", "8"} {
		env.set(vars{"HIGH": high})
		_, err = s.Reload(t.Context())
		require.NoError(t, err)
	}
	assert.Equal(t, []string{"x", "new"}, calls)
}

func TestWatchCoalescesSignals(t *testing.T) {
	t.Parallel()
	env := &changing{vars: vars{}}
	s := config.NewStore(env.options())
	_, err := config.Get[limits](t.Context(), s)
	require.NoError(t, err)
	var out bytes.Buffer
	core, err := logging.NewCore(logging.Options{Output: &out})
	require.NoError(t, err)
	signals := make(chan os.Signal, 5)
	for range cap(signals) {
		signals <- os.Interrupt
	}
	close(signals)
	config.Watch(t.Context(), s, signals, logging.New(core, "test")) // returns, since the channel is closed
	assert.Equal(t, 1, bytes.Count(out.Bytes(), []byte("config_reloaded")))
	assert.Contains(t, out.String(), `"changed":[],"restart_required":[]`)

	ctx, stop := context.WithCancel(t.Context())
	stop()
	config.Watch(ctx, s, make(chan os.Signal), logging.New(core, "test"))
}

func TestRefusedReloadTellsWhatIsMisspelt(t *testing.T) {
	t.Parallel()
	env := &changing{vars: vars{}}
	o := env.options()
	o.Environ = func() []string { return []string{"LOG_LEVEK=canary", "APP_NAMES=canary"} }
	s := config.NewStore(o)
	for _, load := range []func() error{
		func() error { _, err := config.Get[limits](t.Context(), s); return err },
		func() error { _, err := config.Get[other](t.Context(), s); return err },
	} {
		require.NoError(t, load())
	}
	env.set(vars{"LOG_LEVEL": "canary"})
	_, err := s.Reload(t.Context())
	e, ok := errors.AsType[*config.Error](err)
	require.True(t, ok)
	assert.Len(t, e.Problems, 1, "what both types have found is there once")
	assert.Equal(t, []config.Suggestion{{"APP_NAMES", "environment", "APP_NAME"}, {"LOG_LEVEK", "environment", "LOG_LEVEL"}}, e.Suggestions)

	var out bytes.Buffer
	core, err := logging.NewCore(logging.Options{Output: &out})
	require.NoError(t, err)
	config.LogFailed(t.Context(), logging.New(core, "test"), e)
	assert.Contains(t, out.String(), `"event":"config_validation_failed"`)
	assert.Contains(t, out.String(), `"variable":"LOG_LEVEK","source":"environment","did_you_mean":"LOG_LEVEL"`)
	assert.NotContains(t, out.String(), "canary")
}
