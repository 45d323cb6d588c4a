// Package keyvault reads secrets from Azure Key Vault. A [Store] is a config.SecretStore.
//
//	store, err := keyvault.New(keyvault.Options{URL: "https://acme.vault.azure.net"})
//	cfg, provenance, err := config.Load[Config](ctx, config.Options{Secrets: store})
//
// A secret has the name of its variable with hyphens for underscores, because a vault allows no
// underscores: DATABASE_URL is the secret DATABASE-URL. The newest enabled version is read. A
// missing secret is not an error, but one that cannot be read is: a service must not start with a
// default because the vault was unavailable.
//
// A value is cached for a minute, and so is the absence of a secret. After that the vault is asked
// again. If it cannot answer, the cached value is used for another 24 hours, so that a reload
// succeeds during an outage of the vault. An answer that refuses, as for a disabled secret or a role
// that was withdrawn, is an error at once and drops the cached value.
//
// # Lifting it out
//
// Lift package config, of which this folder is a part: the tests need it. The package itself imports
// internal/platform/errors, internal/platform/logging, and azcore, azidentity and azsecrets of the
// Azure SDK.
package keyvault

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// Config names the vault. It is loaded before all other settings, which may be in the vault.
type Config struct {
	URL string `env:"AZURE_KEY_VAULT_URL" env-description:"URL of an Azure Key Vault with secrets named like variables, with - for _"`
}

// Validate reports an invalid URL.
func (c *Config) Validate(report func(variable, rule, message string)) {
	if c.URL != "" && !validURL(c.URL) {
		report("AZURE_KEY_VAULT_URL", "url", invalidURL)
	}
}

const invalidURL = "must be https://HOST without user, query and fragment"

func validURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == ""
}

var log = logging.For()

const (
	cacheTTL = time.Minute
	staleTTL = 24 * time.Hour // after cacheTTL, while the vault fails
)

// Options configures a [Store]. Only URL is required.
type Options struct {
	URL        string
	Credential azcore.TokenCredential   // nil is azidentity.DefaultAzureCredential
	Client     *azsecrets.ClientOptions // nil has two retries within the timeout
	Timeout    time.Duration            // of one secret, including retries; zero is 10 s
	Now        func() time.Time         // nil is time.Now
	Log        logging.Logger           // the zero value is the logger of the package
}

// Store reads the secrets of one vault. It is safe for concurrent use.
type Store struct {
	options Options
	client  *azsecrets.Client
	cache   sync.Map // entries by the name of the secret
}

// entry is the answer of the vault for one secret.
type entry struct {
	value   string
	found   bool
	fetched time.Time
}

// New returns a store without contacting the vault. The error is an invalid URL or, without a
// credential in the options, an invalid AZURE_TOKEN_CREDENTIALS.
func New(o Options) (*Store, error) {
	o.Timeout = cmp.Or(o.Timeout, 10*time.Second)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log.IsZero() {
		o.Log = log
	}
	if !validURL(o.URL) {
		return nil, fmt.Errorf("key vault URL: %s", invalidURL)
	}
	if o.Credential == nil {
		credential, err := azidentity.NewDefaultAzureCredential(nil)
		if err != nil {
			// The error of the SDK quotes the value.
			return nil, errors.Sentinel("key vault credential: AZURE_TOKEN_CREDENTIALS must be dev, prod or a credential name")
		}
		o.Credential = credential
	}
	if o.Client == nil {
		o.Client = &azsecrets.ClientOptions{}
		o.Client.Retry.MaxRetries = 2
		o.Client.Retry.RetryDelay = 200 * time.Millisecond
	}
	client, err := azsecrets.NewClient(o.URL, o.Credential, o.Client)
	if err != nil {
		return nil, fmt.Errorf("key vault client: %w", err)
	}
	return &Store{options: o, client: client}, nil
}

// Secret returns the secret of a variable, and false if the vault has none. It fails if the vault
// refuses, or if it cannot answer and there is no cached value that is recent enough. The error
// names the secret and never contains a value.
func (s *Store) Secret(ctx context.Context, variable string) (value string, ok bool, err error) {
	name, ok := Name(variable)
	if !ok {
		return "", false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	stored, _ := s.cache.Load(name)
	cached, known := stored.(entry)
	now := s.options.Now()
	age := now.Sub(cached.fetched)
	if known && age < cacheTTL {
		return cached.value, cached.found, nil
	}
	value, ok, err = s.fetch(ctx, name)
	switch {
	case err == nil:
		s.cache.Store(name, entry{value, ok, now})
		return value, ok, nil
	case refused(err):
		s.cache.Delete(name)
	case known && age < cacheTTL+staleTTL:
		s.options.Log.Warn(ctx, "key_vault_stale",
			logging.String("variable", variable), logging.Err(err), logging.Duration("age_ms", age))
		return cached.value, cached.found, nil
	}
	return "", false, err
}

func (s *Store) fetch(ctx context.Context, name string) (value string, found bool, err error) {
	response, err := s.client.GetSecret(ctx, name, "", nil)
	if err == nil && response.Value != nil {
		return *response.Value, true, nil
	}
	answer, ok := errors.AsType[*azcore.ResponseError](err)
	if ok && answer.StatusCode == http.StatusNotFound && answer.ErrorCode == "SecretNotFound" {
		return "", false, nil
	}
	return "", false, fmt.Errorf("read secret %s from the key vault: %w", name, reason(ctx, err))
}

// status is the status of an answer that is an error.
type status int

func (s status) Error() string { return fmt.Sprintf("status %d", int(s)) }

// refused reports whether the vault has answered and will answer the same again. A timeout of the
// request (408) and throttling (429) pass.
func refused(err error) bool {
	s, ok := errors.AsType[status](err)
	return ok && s >= http.StatusBadRequest && s < http.StatusInternalServerError &&
		s != http.StatusRequestTimeout && s != http.StatusTooManyRequests
}

// reason describes an error of the SDK. Errors of the SDK print whole responses, which must not be
// logged.
func reason(ctx context.Context, err error) error {
	if err == nil {
		return errors.Sentinel("the response has no value")
	}
	if answer, ok := errors.AsType[*azcore.ResponseError](err); ok {
		if _, ok := Name(answer.ErrorCode); !ok { // not a single word
			answer.ErrorCode = "no error code"
		}
		return fmt.Errorf("%w, %s", status(answer.StatusCode), answer.ErrorCode)
	}
	if cause := ctx.Err(); cause != nil {
		return cause
	}
	if _, ok := errors.AsType[*azidentity.AuthenticationFailedError](err); ok {
		return errors.Sentinel("the credential was rejected")
	}
	if failed, ok := errors.AsType[*url.Error](err); ok {
		return failed.Err
	}
	return errors.Sentinel("the response is not valid")
}

// Name returns the name of the secret for a variable, and false if the result is not a valid name:
// 1 to 127 letters, digits and hyphens.
func Name(variable string) (string, bool) {
	const limit = 127
	name := strings.ReplaceAll(variable, "_", "-")
	invalid := strings.ContainsFunc(name, func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
	return name, name != "" && len(name) <= limit && !invalid
}
