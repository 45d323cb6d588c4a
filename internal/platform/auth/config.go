package auth

import (
	"crypto"
	"fmt"
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// Config holds the settings of tokens and passwords. The program sets an empty Issuer to its name,
// and an empty PrivateKey to a generated one in development. Algorithm may be in any case, see
// [ParseAlgorithm].
type Config struct {
	Algorithm      string         `env:"AUTH_JWT_ALGORITHM" env-default:"RS256" env-description:"signing algorithm of access tokens: RS256, RS384, RS512, ES256, ES384, ES512 or EdDSA"`
	PrivateKey     logging.Secret `env:"AUTH_JWT_PRIVATE_KEY" env-live:"true" env-description:"PEM private key that signs access tokens; when empty, development and testing generate one"`
	PublicKeys     string         `env:"AUTH_JWT_PUBLIC_KEYS" env-live:"true" env-file:"allow" env-description:"PEM public keys that also verify access tokens: retired keys and the next one"`
	Issuer         string         `env:"AUTH_JWT_ISSUER" env-description:"issuer (iss) of access tokens; APP_NAME when empty"`
	Audience       string         `env:"AUTH_JWT_AUDIENCE" env-default:"netrun-api" env-description:"audience (aud) of access tokens"`
	AccessTokenTTL time.Duration  `env:"AUTH_ACCESS_TOKEN_TTL" env-default:"15m" env-rule:"range=1m..2h" env-description:"lifetime of an access token"`
	Leeway         time.Duration  `env:"AUTH_LEEWAY" env-default:"30s" env-rule:"range=0s..60s" env-description:"tolerated clock difference in token times"`

	PasswordConfig
}

// PasswordConfig holds the settings of password hashes.
type PasswordConfig struct {
	Argon2Memory    uint32 `env:"AUTH_ARGON2_MEMORY" env-default:"19456" env-rule:"range=7168..262144" env-description:"memory of an Argon2id password hash in KiB"`
	Argon2Passes    uint32 `env:"AUTH_ARGON2_PASSES" env-default:"2" env-rule:"range=1..16" env-description:"passes of an Argon2id password hash"`
	Argon2Lanes     uint8  `env:"AUTH_ARGON2_LANES" env-default:"1" env-rule:"range=1..16" env-description:"lanes of an Argon2id password hash"`
	HashConcurrency int    `env:"AUTH_HASH_CONCURRENCY" env-default:"0" env-rule:"range=0..256" env-description:"maximum number of concurrent password hashes; 0 is one per CPU core"`
}

// Validate reports Argon2 settings below the OWASP minimum.
func (c PasswordConfig) Validate(report func(variable, rule, message string)) {
	if least := leastMemory(c.Argon2Passes); c.Argon2Passes > 0 && c.Argon2Memory < least {
		report("AUTH_ARGON2_MEMORY", "min", fmt.Sprintf("must be at least %d with this value of AUTH_ARGON2_PASSES", least))
	}
}

// Validate reports an unknown algorithm, and keys that cannot be parsed, do not fit the algorithm
// or are too weak. An empty PrivateKey is valid here; the program decides whether it needs one.
func (c Config) Validate(report func(variable, rule, message string)) {
	alg, err := ParseAlgorithm(c.Algorithm)
	if err != nil {
		report("AUTH_JWT_ALGORITHM", "oneof", err.Error())
	}
	reportKey := func(variable string, err error) {
		if e, ok := errors.AsType[*keyError](err); ok {
			report(variable, e.rule, e.message)
		}
	}
	if pem := c.PrivateKey.Reveal(); pem != "" {
		private, keyErr := ParsePrivateKey([]byte(pem))
		if keyErr == nil && err == nil {
			keyErr = CheckKey(alg, private.Public())
		}
		reportKey("AUTH_JWT_PRIVATE_KEY", keyErr)
	}
	others, keyErr := ParsePublicKeys([]byte(c.PublicKeys))
	reportKey("AUTH_JWT_PUBLIC_KEYS", keyErr)
	for _, public := range others {
		reportKey("AUTH_JWT_PUBLIC_KEYS", CheckKey(otherAlgorithm(alg, public), public))
	}
}

// KeySet returns the keys of the configuration. PrivateKey must be there by now.
func (c Config) KeySet() (*KeySet, error) {
	private, err := ParsePrivateKey([]byte(c.PrivateKey.Reveal()))
	if err != nil {
		return nil, fmt.Errorf("read AUTH_JWT_PRIVATE_KEY: %w", err)
	}
	var others []crypto.PublicKey
	if others, err = ParsePublicKeys([]byte(c.PublicKeys)); err != nil {
		return nil, fmt.Errorf("read AUTH_JWT_PUBLIC_KEYS: %w", err)
	}
	return NewKeySet(Algorithm(c.Algorithm), private, others...)
}
