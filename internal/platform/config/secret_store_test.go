package config_test

import (
	"context"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// A store that does not look at its ctx holds up nobody for longer than that lives.
func TestStoreThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	asked, release, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	o := given(vars{"NAME": "n"}, nil)
	o.Secrets = storeFunc(func(context.Context, string) (string, bool, error) {
		defer close(ended)
		close(asked)
		<-release
		return "late", true, nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	var got plain
	_, err := config.LoadInto(ctx, &got, o)
	require.EqualError(t, err,
		"the configuration is not valid:\n  KEY: cannot be read from the secret store: context canceled (secret store)")
	assert.True(t, got.Key.IsZero())
	close(release)
	<-ended
}

func TestStoreIsNotAskedTooMuchAtATime(t *testing.T) {
	t.Parallel()
	var fields []reflect.StructField
	for i := range 26 {
		name := string(rune('A' + i))
		fields = append(fields, reflect.StructField{Name: name, Type: reflect.TypeFor[config.Secret](), Tag: reflect.StructTag(`env:"` + name + `"`)})
	}
	var asked, now, most atomic.Int64
	o := given(nil, nil)
	o.Secrets = storeFunc(func(context.Context, string) (string, bool, error) {
		n := now.Add(1)
		for seen := most.Load(); n > seen && !most.CompareAndSwap(seen, n); seen = most.Load() {
		}
		asked.Add(1)
		time.Sleep(time.Millisecond) // so that the others may come in as well
		now.Add(-1)
		return "", false, nil
	})
	_, err := config.LoadInto(t.Context(), reflect.New(reflect.StructOf(fields)).Interface(), o)
	require.NoError(t, err)
	assert.EqualValues(t, 26, asked.Load())
	assert.LessOrEqual(t, most.Load(), int64(8))
}

func TestErrorsOfTheStoreHoldNoValueAndOneLine(t *testing.T) {
	t.Parallel()
	o := given(nil, nil)
	o.Secrets = storeFunc(func(context.Context, string) (string, bool, error) {
		return "hunter2", true, errors.Sentinel("cannot open\n\thunter2 " + strings.Repeat("ä", 1000))
	})
	_, err := config.LoadInto(t.Context(), &plain{}, o)
	require.ErrorContains(t, err, "KEY: cannot be read from the secret store: cannot open [REDACTED] ää")
	assert.NotContains(t, err.Error(), "hunter2")
	assert.Less(t, len([]rune(err.Error())), 450)
	assert.Equal(t, 1, strings.Count(err.Error(), "\n"))
}

func TestNulInSecretsOfTheStore(t *testing.T) {
	t.Parallel()
	o := given(nil, nil)
	o.Secrets = store{"KEY": "a\x00b"}
	assert.Equal(t, []string{"KEY type"}, problems(t, &plain{}, o))
}
