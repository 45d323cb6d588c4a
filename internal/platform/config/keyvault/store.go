package keyvault

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

var log = logging.For()

// Options say which vault a [Store] reads and how long it waits. Only URL is required.
type Options struct {
	URL        string                   // https://NAME.vault.azure.net
	Credential azcore.TokenCredential   // nil is azidentity.DefaultAzureCredential
	Client     *azsecrets.ClientOptions // transport, retries, cloud; nil has two retries in the timeout
	Timeout    time.Duration            // of one secret, retries included; zero is 10 s
	TTL        time.Duration            // how long a value is good without asking again; zero is a minute
	StaleFor   time.Duration            // how long after that while the vault does not answer; zero is 24 h
	Now        func() time.Time         // nil is time.Now
	Log        logging.Logger           // the zero value is the logger of the package
}

// Store reads the secrets of one vault. It is safe for concurrent use; of several callers for one secret at a time, one
// asks and the others wait for its answer.
type Store struct {
	options Options
	client  *azsecrets.Client
	mu      sync.Mutex
	secrets map[string]*secret // bounded by the variables that a program has
}

// secret is what is known of one. Its lock is held while the vault is asked.
type secret struct {
	turn    chan struct{} // holds one token: whoever has taken it may read and write the rest
	value   string
	found   bool
	fetched time.Time // zero until the vault has answered
}

// New returns a store for a vault. It does not ask the vault anything yet. A URL that is not https is an error, and so is
// an environment without any credential where Options has none.
func New(o Options) (*Store, error) {
	o.Timeout = cmp.Or(o.Timeout, 10*time.Second)
	o.TTL = cmp.Or(o.TTL, time.Minute)
	o.StaleFor = cmp.Or(o.StaleFor, 24*time.Hour)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log.IsZero() {
		o.Log = log
	}
	if err := checkURL(o.URL); err != nil {
		return nil, err
	}
	if o.Credential == nil {
		credential, err := azidentity.NewDefaultAzureCredential(nil)
		if err != nil {
			return nil, fmt.Errorf("find a credential for the key vault: %w", err)
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
		return nil, fmt.Errorf("make a client for the key vault: %w", err)
	}
	return &Store{options: o, client: client, secrets: map[string]*secret{}}, nil
}

// Secret returns the value of the secret that belongs to a variable, and false where the vault has none. The error, where
// the vault could not be asked and nothing is known that is young enough, holds no value. It implements config.SecretStore.
func (s *Store) Secret(ctx context.Context, variable string) (value string, ok bool, err error) {
	name, ok := Name(variable)
	if !ok {
		return "", false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	known := s.known(name)
	select {
	case <-known.turn:
		defer func() { known.turn <- struct{}{} }()
	case <-ctx.Done():
		return "", false, fmt.Errorf("wait for the secret %s of the key vault: %w", name, ctx.Err())
	}
	now := s.options.Now()
	if !known.fetched.IsZero() && now.Sub(known.fetched) < s.options.TTL {
		return known.value, known.found, nil
	}
	value, found, err := s.fetch(ctx, name)
	if err == nil {
		known.value, known.found, known.fetched = value, found, now
		return value, found, nil
	}
	if known.fetched.IsZero() || now.Sub(known.fetched) >= s.options.TTL+s.options.StaleFor {
		return "", false, err
	}
	s.options.Log.Warn(ctx, "key_vault_stale", logging.String("variable", variable), logging.Err(err),
		logging.Duration("age_ms", now.Sub(known.fetched)))
	return known.value, known.found, nil
}

func (s *Store) known(name string) *secret {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, ok := s.secrets[name]
	if !ok {
		one = &secret{turn: make(chan struct{}, 1)}
		one.turn <- struct{}{}
		s.secrets[name] = one
	}
	return one
}

// fetch asks the vault.
func (s *Store) fetch(ctx context.Context, name string) (value string, found bool, err error) {
	response, err := s.client.GetSecret(ctx, name, "", nil)
	if err == nil && response.Value == nil {
		err = errNoValue
	}
	if err == nil {
		return *response.Value, true, nil
	}
	if answer, ok := errors.AsType[*azcore.ResponseError](err); ok && answer.StatusCode == http.StatusNotFound && answer.ErrorCode == "SecretNotFound" {
		return "", false, nil
	}
	return "", false, fmt.Errorf("read the secret %s of the key vault: %w", name, describe(ctx, err))
}
