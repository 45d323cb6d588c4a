package auth

import (
	"crypto"
	"fmt"
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// Config is what the environment says about tokens and passwords. The program that loads it fills an empty Issuer
// with its own name and, in development, an empty PrivateKey with a generated one.
// Algorithm is text as it came, in any case: see [ParseAlgorithm].
type Config struct {
	Algorithm      string         `env:"AUTH_JWT_ALGORITHM" env-default:"RS256" env-description:"RS256, RS384, RS512, ES256, ES384, ES512 or EdDSA"`
	PrivateKey     logging.Secret `env:"AUTH_JWT_PRIVATE_KEY" env-live:"true" env-description:"PEM of the key that signs access tokens; generated in development"`
	PublicKeys     string         `env:"AUTH_JWT_PUBLIC_KEYS" env-live:"true" env-file:"allow" env-description:"PEM bundle of further keys that verify: retired ones, and the next one"`
	Issuer         string         `env:"AUTH_JWT_ISSUER" env-description:"iss of access tokens; APP_NAME when empty"`
	Audience       string         `env:"AUTH_JWT_AUDIENCE" env-default:"netrun-api" env-rule:"required" env-description:"aud of access tokens"`
	AccessTokenTTL time.Duration  `env:"AUTH_ACCESS_TOKEN_TTL" env-default:"15m" env-rule:"range=1m..2h" env-description:"life of an access token"`
	Leeway         time.Duration  `env:"AUTH_LEEWAY" env-default:"30s" env-rule:"range=0s..60s" env-description:"clock skew forgiven in tokens"`

	Argon2Memory    uint32 `env:"AUTH_ARGON2_MEMORY" env-default:"19456" env-rule:"range=7168..262144" env-description:"memory of a password hash, in KiB"`
	Argon2Passes    uint32 `env:"AUTH_ARGON2_PASSES" env-default:"2" env-rule:"range=1..16" env-description:"passes of a password hash"`
	Argon2Lanes     uint8  `env:"AUTH_ARGON2_LANES" env-default:"1" env-rule:"range=1..16" env-description:"lanes of a password hash"`
	HashConcurrency int    `env:"AUTH_HASH_CONCURRENCY" env-default:"0" env-rule:"range=0..256" env-description:"password hashes at a time; 0 for one a core"`
}

// Check reports what the tags cannot say, each problem with its variable, the rule it breaks and a message for people:
// the algorithm is a known one, the keys parse, fit the algorithm and are strong enough, and a password
// hash costs enough. It never shows a value. An empty PrivateKey is no problem to Check: whether
// one is needed is for the program to say.
func (c Config) Check(report func(variable, rule, message string)) {
	c.checkKeys(report)
	if least := leastMemory(c.Argon2Passes); c.Argon2Passes > 0 && c.Argon2Memory < least {
		report("AUTH_ARGON2_MEMORY", "min", fmt.Sprintf("must be at least %d for so few AUTH_ARGON2_PASSES", least))
	}
}

func (c Config) checkKeys(report func(variable, rule, message string)) {
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

// PasswordOptions returns what the configuration says about password hashes.
func (c Config) PasswordOptions() PasswordOptions {
	return PasswordOptions{
		MemoryKiB: c.Argon2Memory, Passes: c.Argon2Passes, Lanes: c.Argon2Lanes, Concurrency: c.HashConcurrency,
	}
}
