package keyvault_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/config/keyvault"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var _ config.SecretStore = (*keyvault.Store)(nil)

func TestLoadReadsSecretsFromTheVault(t *testing.T) {
	t.Parallel()
	v := newVault(t, map[string]string{"DATABASE-URL": "postgres://vault", "APP-NAME": "not a secret"})
	type settings struct {
		config.Base

		URL     config.Secret `env:"DATABASE_URL"`
		Key     config.Secret `env:"API_KEY"`
		Missing config.Secret `env:"OTHER_KEY"`
	}
	variables := map[string]string{"API_KEY": "from the environment"}
	cfg, provenance, err := config.Load[settings](t.Context(), config.Options{
		Lookup:  func(name string) (string, bool) { value, ok := variables[name]; return value, ok },
		Dir:     t.TempDir(),
		Secrets: v.store(t, nil),
	})
	require.NoError(t, err)
	assert.Equal(t, "postgres://vault", cfg.URL.Reveal())
	assert.Equal(t, "from the environment", cfg.Key.Reveal(), "the environment overrides the vault")
	assert.Empty(t, cfg.Missing.Reveal())
	assert.NotEqual(t, "not a secret", cfg.AppName, "only secrets are looked up")
	sources := map[string]string{}
	for _, one := range provenance.Settings {
		sources[one.Variable] = one.Source
	}
	assert.Equal(t, config.SourceSecretStore, sources["DATABASE_URL"])
	assert.Equal(t, config.SourceEnvironment, sources["API_KEY"])
}

func TestErrorsContainNoSecrets(t *testing.T) {
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
		"not JSON":         {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<" + planted)) }, nil, "the response is not valid"},
		"no value":         {func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, map[string]string{"id": "x"}) }, nil, "the response has no value"},
		"no answer":        {hang, func(o *keyvault.Options) { o.Timeout = 100 * time.Millisecond }, "deadline exceeded"},
		"bad credential":   {nil, func(o *keyvault.Options) { o.Credential = credential{errors.Sentinel(planted)} }, "the response is not valid"},
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
			assert.ErrorContains(t, err, "secret API-KEY from the key vault")
			assert.NotContains(t, err.Error(), planted)
		})
	}
}

func TestValuesAreCachedForAMinute(t *testing.T) {
	t.Parallel()
	v := newVault(t, map[string]string{"API-KEY": "first"})
	now := time.Now()
	s := v.store(t, func(o *keyvault.Options) { o.Now = func() time.Time { return now } })
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
	assert.Equal(t, "second", read(), "rotated")
	v.set(nil, nil)
	now = now.Add(time.Minute)
	assert.Empty(t, read(), "deleted")
	assert.Empty(t, read())
	assert.EqualValues(t, 3, v.asked.Load(), "the absence is cached")
}

func TestStaleValuesSurviveAnOutage(t *testing.T) {
	t.Parallel()
	v := newVault(t, map[string]string{"API-KEY": "value-of-the-vault"})
	var lines bytes.Buffer
	core, err := logging.NewCore(logging.Options{Output: &lines})
	require.NoError(t, err)
	now := time.Now()
	s := v.store(t, func(o *keyvault.Options) {
		o.Now, o.Log = func() time.Time { return now }, logging.New(core, "keyvault")
	})
	_, _, err = s.Secret(t.Context(), "API_KEY")
	require.NoError(t, err)

	v.set(nil, failing(http.StatusServiceUnavailable, "Down", ""))
	now = now.Add(24 * time.Hour)
	value, ok, err := s.Secret(t.Context(), "API_KEY")
	require.NoError(t, err)
	assert.True(t, ok)
	assert.Equal(t, "value-of-the-vault", value)
	assert.Contains(t, lines.String(), `"event":"key_vault_stale"`)
	assert.Contains(t, lines.String(), "status 503")
	assert.NotContains(t, lines.String(), "value-of-the-vault")

	now = now.Add(time.Minute)
	_, _, err = s.Secret(t.Context(), "API_KEY")
	require.ErrorContains(t, err, "status 503", "older than 24 hours")
}

// A disabled secret, a withdrawn role and a deleted vault are no outages.
func TestRefusalsDropTheCachedValue(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status  int
		code    string
		refused bool
	}{
		"disabled":      {http.StatusForbidden, "SecretDisabled", true},
		"forbidden":     {http.StatusForbidden, "Forbidden", true},
		"unauthorized":  {http.StatusUnauthorized, "Unauthorized", true},
		"no vault":      {http.StatusNotFound, "VaultNotFound", true},
		"another 404":   {http.StatusNotFound, "", true},
		"bad parameter": {http.StatusBadRequest, "BadParameter", true},
		"throttled":     {http.StatusTooManyRequests, "Throttled", false},
		"timeout":       {http.StatusRequestTimeout, "Timeout", false},
		"error":         {http.StatusInternalServerError, "InternalError", false},
		"bad gateway":   {http.StatusBadGateway, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVault(t, map[string]string{"API-KEY": "value"})
			now := time.Now()
			s := v.store(t, func(o *keyvault.Options) { o.Now = func() time.Time { return now } })
			_, _, err := s.Secret(t.Context(), "API_KEY")
			require.NoError(t, err)
			for _, fail := range []http.HandlerFunc{failing(c.status, c.code, "x"), failing(http.StatusServiceUnavailable, "Down", "x")} {
				v.set(nil, fail)
				now = now.Add(time.Minute)
				value, ok, err := s.Secret(t.Context(), "API_KEY")
				if !c.refused {
					require.NoError(t, err)
					assert.Equal(t, "value", value)
					continue
				}
				require.ErrorContains(t, err, "secret API-KEY from the key vault: status ", "an outage after a refusal does not bring it back")
				assert.False(t, ok)
				assert.Empty(t, value)
			}
		})
	}
}

func TestConcurrentCalls(t *testing.T) {
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
}

func TestSecretEndsWithItsContext(t *testing.T) {
	t.Parallel()
	v := newVault(t, nil)
	v.set(nil, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, _, err := v.store(t, nil).Secret(ctx, "API_KEY")
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestNewRefusesInvalidURLs(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "acme", "http://acme.vault.azure.net", "https://", "https://u:p@acme.net", "https://acme.net?x", "https://acme.net#x", "https://%zz"} {
		_, err := keyvault.New(keyvault.Options{URL: url, Credential: credential{}})
		assert.ErrorContains(t, err, "must be https", url)
		c, reported := keyvault.Config{URL: url}, 0
		c.Validate(func(variable, _, _ string) {
			assert.Equal(t, "AZURE_KEY_VAULT_URL", variable)
			reported++
		})
		assert.Equal(t, url != "", reported == 1, url)
	}
	_, err := keyvault.New(keyvault.Options{URL: "https://acme.vault.azure.net"})
	assert.NoError(t, err, "the credential is not used yet")
}

func TestNewRefusesAnInvalidEnvironment(t *testing.T) {
	t.Setenv("AZURE_TOKEN_CREDENTIALS", "canary")
	_, err := keyvault.New(keyvault.Options{URL: "https://acme.vault.azure.net"})
	require.ErrorContains(t, err, "AZURE_TOKEN_CREDENTIALS must be dev, prod or")
	assert.NotContains(t, err.Error(), "canary")
}

func TestNames(t *testing.T) {
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
	assert.Zero(t, v.asked.Load(), "an invalid name makes no request")
}

func ExampleName() {
	name, _ := keyvault.Name("DATABASE_URL")
	fmt.Println(name)
	// Output: DATABASE-URL
}

const accessToken = "token-of-the-test"

// vault is a fake of the REST API of Azure Key Vault: it requests a bearer token with a challenge
// and returns secrets or the error bodies of the service.
type vault struct {
	*httptest.Server

	asked atomic.Int64 // requests with a token

	mu      sync.Mutex
	secrets map[string]string
	fail    http.HandlerFunc // responds instead if not nil
}

func newVault(t *testing.T, secrets map[string]string) *vault {
	t.Helper()
	v := &vault{secrets: secrets}
	v.Server = httptest.NewTLSServer(v)
	t.Cleanup(v.Close)
	return v
}

func (v *vault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+accessToken {
		w.Header().Set("WWW-Authenticate", `Bearer authorization="https://login.example.com/tenant", resource="https://vault.example.com"`)
		answer(w, http.StatusUnauthorized, map[string]any{"error": map[string]string{"code": "Unauthorized"}})
		return
	}
	v.asked.Add(1)
	v.mu.Lock()
	fail, secrets := v.fail, v.secrets
	v.mu.Unlock()
	if fail != nil {
		fail(w, r)
		return
	}
	name := strings.Trim(strings.TrimPrefix(r.URL.Path, "/secrets/"), "/")
	value, ok := secrets[name]
	if r.Method != http.MethodGet || r.URL.Query().Get("api-version") == "" || !ok {
		answer(w, http.StatusNotFound, map[string]any{"error": map[string]string{"code": "SecretNotFound", "message": "not here"}})
		return
	}
	answer(w, http.StatusOK, map[string]any{
		"value": value, "id": v.URL + "/secrets/" + name + "/0123456789abcdef", "attributes": map[string]any{"enabled": true},
	})
}

// set changes the secrets and the failure.
func (v *vault) set(secrets map[string]string, fail http.HandlerFunc) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.secrets, v.fail = secrets, fail
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func failing(status int, code, message string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		answer(w, status, map[string]any{"error": map[string]string{"code": code, "message": message}})
	}
}

// store returns a store that reads v.
func (v *vault) store(t *testing.T, change func(*keyvault.Options)) *keyvault.Store {
	t.Helper()
	o := keyvault.Options{URL: v.URL, Credential: credential{}, Timeout: 5 * time.Second, Client: v.client()}
	if change != nil {
		change(&o)
	}
	s, err := keyvault.New(o)
	require.NoError(t, err)
	return s
}

// client returns options that trust the certificate of v and accept a host outside of Azure.
func (v *vault) client() *azsecrets.ClientOptions {
	o := &azsecrets.ClientOptions{DisableChallengeResourceVerification: true}
	o.Transport = v.Client()
	o.Retry = policy.RetryOptions{MaxRetries: 1, RetryDelay: time.Millisecond}
	return o
}

type credential struct{ err error }

func (c credential) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: accessToken, ExpiresOn: time.Now().Add(time.Hour)}, c.err
}

// untrusting returns options that do not trust the certificate.
func untrusting() *azsecrets.ClientOptions {
	o := &azsecrets.ClientOptions{DisableChallengeResourceVerification: true}
	o.Transport = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	o.Retry.MaxRetries = -1
	return o
}
