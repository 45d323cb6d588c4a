package keyvault_test

import (
	"bytes"
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/config/keyvault"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

var _ config.SecretStore = (*keyvault.Store)(nil)

func TestLoadReadsSecretsFromTheVault(t *testing.T) {
	t.Parallel()
	v := newVault(t, map[string]string{"DATABASE-URL": "postgres://vault", "APP-NAME": "not a secret"})
	var cfg struct {
		config.Base

		URL     config.Secret `env:"DATABASE_URL"`
		Key     config.Secret `env:"API_KEY"`
		Missing config.Secret `env:"OTHER_KEY"`
	}
	variables := map[string]string{"API_KEY": "from the environment"}
	provenance, err := config.LoadInto(t.Context(), &cfg, config.Options{
		Lookup:  func(name string) (string, bool) { value, ok := variables[name]; return value, ok },
		Dir:     t.TempDir(),
		Secrets: v.store(t, nil),
	})
	require.NoError(t, err)
	assert.Equal(t, "postgres://vault", cfg.URL.Reveal())
	assert.Equal(t, "from the environment", cfg.Key.Reveal(), "the environment comes first")
	assert.Empty(t, cfg.Missing.Reveal())
	assert.Equal(t, "netrun-service", cfg.AppName, "only secrets are looked for")
	assert.NotEmpty(t, provenance.Source("DATABASE_URL"))
	assert.NotEqual(t, provenance.Source("API_KEY"), provenance.Source("DATABASE_URL"))
}

func TestFailuresAreErrorsThatTellNothing(t *testing.T) {
	t.Parallel()
	const planted = "s3cr3t-of-a-response"
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	for name, tt := range map[string]struct {
		fail   http.HandlerFunc
		change func(*keyvault.Options)
		want   string
	}{
		"forbidden":        {failing(http.StatusForbidden, "Forbidden", planted), nil, "status 403, Forbidden"},
		"odd error code":   {failing(http.StatusForbidden, planted+" {}", planted), nil, "status 403, no error code"},
		"no such vault":    {failing(http.StatusNotFound, "VaultNotFound", planted), nil, "status 404, VaultNotFound"},
		"throttled":        {failing(http.StatusTooManyRequests, "Throttled", planted), nil, "status 429, Throttled"},
		"down":             {failing(http.StatusServiceUnavailable, "Down", planted), nil, "status 503, Down"},
		"not JSON":         {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<" + planted)) }, nil, "the answer cannot be read"},
		"no value":         {func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, map[string]string{"id": "x"}) }, nil, "the answer holds no value"},
		"no answer":        {hang, func(o *keyvault.Options) { o.Timeout = 100 * time.Millisecond }, "deadline exceeded"},
		"bad credential":   {nil, func(o *keyvault.Options) { o.Credential = credential{errors.Sentinel(planted)} }, "the answer cannot be read"},
		"unknown issuer":   {nil, func(o *keyvault.Options) { o.Client = untrusting() }, "certificate"},
		"nothing listens":  {nil, func(o *keyvault.Options) { o.URL = "https://127.0.0.1:1" }, "connection refused"},
		"ended beforehand": {nil, func(o *keyvault.Options) { o.Timeout = time.Nanosecond }, "deadline exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVault(t, map[string]string{"API-KEY": planted})
			v.set(map[string]string{"API-KEY": planted}, tt.fail)
			_, ok, err := v.store(t, tt.change).Secret(t.Context(), "API_KEY")
			require.ErrorContains(t, err, tt.want)
			assert.False(t, ok)
			assert.ErrorContains(t, err, "secret API-KEY of the key vault")
			assert.NotContains(t, err.Error(), planted)
		})
	}
}

func TestValuesAreKeptForTheTTL(t *testing.T) {
	t.Parallel()
	v := newVault(t, map[string]string{"API-KEY": "first"})
	now := time.Now()
	s := v.store(t, func(o *keyvault.Options) { o.TTL, o.Now = time.Minute, func() time.Time { return now } })
	read := func() string {
		value, ok, err := s.Secret(t.Context(), "API_KEY")
		require.NoError(t, err)
		require.Equal(t, value != "", ok)
		return value
	}
	assert.Equal(t, "first", read())
	v.set(map[string]string{"API-KEY": "second"}, nil)
	now = now.Add(59 * time.Second)
	assert.Equal(t, "first", read())
	assert.EqualValues(t, 1, v.asked.Load())
	now = now.Add(time.Second)
	assert.Equal(t, "second", read(), "a rotated secret is seen after the TTL")
	v.set(nil, nil)
	now = now.Add(time.Minute)
	assert.Empty(t, read(), "a deleted one is gone after the TTL")
	assert.Empty(t, read())
	assert.EqualValues(t, 3, v.asked.Load(), "that there is none is remembered too")
}

func TestStaleValuesSurviveAnOutage(t *testing.T) {
	t.Parallel()
	v := newVault(t, map[string]string{"API-KEY": "value-of-the-vault"})
	var lines bytes.Buffer
	core, err := logging.NewCore(logging.Options{Output: &lines})
	require.NoError(t, err)
	now := time.Now()
	s := v.store(t, func(o *keyvault.Options) {
		o.TTL, o.StaleFor, o.Now, o.Log = time.Minute, time.Hour, func() time.Time { return now }, logging.New(core, "keyvault")
	})
	_, _, err = s.Secret(t.Context(), "API_KEY")
	require.NoError(t, err)

	v.set(nil, failing(http.StatusServiceUnavailable, "Down", ""))
	now = now.Add(time.Hour)
	value, ok, err := s.Secret(t.Context(), "API_KEY")
	require.NoError(t, err)
	assert.True(t, ok)
	assert.Equal(t, "value-of-the-vault", value)
	assert.Contains(t, lines.String(), `"event":"key_vault_stale"`)
	assert.Contains(t, lines.String(), "status 503")
	assert.NotContains(t, lines.String(), "value-of-the-vault")

	now = now.Add(time.Minute)
	_, _, err = s.Secret(t.Context(), "API_KEY")
	require.ErrorContains(t, err, "status 503", "stale values do not last for ever")
}

func TestOneCallerAsksForAll(t *testing.T) {
	t.Parallel()
	v := newVault(t, map[string]string{"API-KEY": "value"})
	s := v.store(t, nil)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			value, _, err := s.Secret(t.Context(), "API_KEY")
			assert.NoError(t, err)
			assert.Equal(t, "value", value)
		})
	}
	all.Wait()
	assert.EqualValues(t, 1, v.asked.Load())
}

func TestWhoWaitsForAnotherCallerGivesUpInTime(t *testing.T) {
	t.Parallel()
	v := newVault(t, nil)
	asked := make(chan struct{}, 2)
	v.set(nil, func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	})
	s := v.store(t, nil)
	first, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _, err := s.Secret(first, "API_KEY")
		assert.ErrorIs(t, err, context.Canceled)
	}()
	<-asked
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, _, err := s.Secret(ctx, "API_KEY")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.ErrorContains(t, err, "wait for")
	stop()
	<-done
}

func TestBadOptionsAreRefused(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "acme", "http://acme.vault.azure.net", "https://", "https://u:p@acme.net", "https://acme.net?x", "https://acme.net#x", "https://%zz"} {
		_, err := keyvault.New(keyvault.Options{URL: url, Credential: credential{}})
		assert.ErrorContains(t, err, "must be https", url)
	}
	_, err := keyvault.New(keyvault.Options{URL: "https://acme.vault.azure.net"})
	assert.NoError(t, err, "a credential is looked for only when it is needed")
}

func TestNamesFollowTheVariables(t *testing.T) {
	t.Parallel()
	for variable, want := range map[string]string{
		"DATABASE_URL": "DATABASE-URL", "X1": "X1", "": "", "A.B": "", "Ä": "",
		string(bytes.Repeat([]byte("A"), 127)): string(bytes.Repeat([]byte("A"), 127)), string(bytes.Repeat([]byte("A"), 128)): "",
	} {
		name, ok := keyvault.Name(variable)
		if want == "" {
			assert.False(t, ok, variable)
			continue
		}
		assert.Equal(t, want, name)
	}
	v := newVault(t, nil)
	_, ok, err := v.store(t, nil).Secret(t.Context(), "A.B")
	require.NoError(t, err)
	assert.False(t, ok)
	assert.Zero(t, v.asked.Load(), "a vault is not asked for what it cannot have")
}
