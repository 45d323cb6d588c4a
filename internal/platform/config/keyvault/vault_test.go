package keyvault_test

import (
	"context"
	"encoding/json"
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
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/config/keyvault"
)

const accessToken = "token-of-the-test"

// vault is a server that speaks the REST API of Azure Key Vault over HTTPS: it asks for a bearer token with a challenge,
// and answers with secrets or with the error bodies of the service.
type vault struct {
	*httptest.Server

	asked atomic.Int64 // requests with a token

	mu      sync.Mutex
	secrets map[string]string
	fail    http.HandlerFunc // answers instead, where it is set
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

// set changes what the vault does from now on.
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

// client returns options that trust the certificate of v and do not insist on a host of Azure's.
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
