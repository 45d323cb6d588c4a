package auth

import (
	"crypto"
	"fmt"
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// Config is what the environment says about tokens. The program that loads it fills an empty Issuer with its own name and,
// in development, an empty PrivateKey with a generated one.
// Algorithm is text as it came, in any case: see [ParseAlgorithm].
type Config struct {
	Algorithm      string         `env:"AUTH_JWT_ALGORITHM" env-default:"RS256" env-description:"RS256, RS384, RS512, ES256, ES384, ES512 or EdDSA"`
	PrivateKey     logging.Secret `env:"AUTH_JWT_PRIVATE_KEY" env-description:"PEM of the key that signs access tokens; generated in development"`
	PublicKeys     string         `env:"AUTH_JWT_PUBLIC_KEYS" env-description:"PEM bundle of retired keys that still verify"`
	Issuer         string         `env:"AUTH_JWT_ISSUER" env-description:"iss of access tokens; APP_NAME when empty"`
	Audience       string         `env:"AUTH_JWT_AUDIENCE" env-default:"netrun-api" env-rule:"required" env-description:"aud of access tokens"`
	AccessTokenTTL time.Duration  `env:"AUTH_ACCESS_TOKEN_TTL" env-default:"15m" env-rule:"range=1m..2h" env-description:"life of an access token"`
	Leeway         time.Duration  `env:"AUTH_LEEWAY" env-default:"30s" env-rule:"range=0s..60s" env-description:"clock skew forgiven in tokens"`
}

// Check reports what the tags cannot say, each problem with its variable, the rule it breaks and a message for people:
// the algorithm is a known one, the keys parse, fit the algorithm and are strong enough. It never shows a value. An empty
// PrivateKey is no problem to Check: whether one is needed is for the program to say.
func (c Config) Check(report func(variable, rule, message string)) {
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
			keyErr = fits(alg, private.Public())
		}
		reportKey("AUTH_JWT_PRIVATE_KEY", keyErr)
	}
	retired, keyErr := ParsePublicKeys([]byte(c.PublicKeys))
	reportKey("AUTH_JWT_PUBLIC_KEYS", keyErr)
	for _, public := range retired {
		reportKey("AUTH_JWT_PUBLIC_KEYS", fits(retiredAlgorithm(alg, public), public))
	}
}

// KeySet returns the keys of the configuration. PrivateKey must be there by now.
func (c Config) KeySet() (*KeySet, error) {
	private, err := ParsePrivateKey([]byte(c.PrivateKey.Reveal()))
	if err != nil {
		return nil, fmt.Errorf("read AUTH_JWT_PRIVATE_KEY: %w", err)
	}
	var retired []crypto.PublicKey
	if retired, err = ParsePublicKeys([]byte(c.PublicKeys)); err != nil {
		return nil, fmt.Errorf("read AUTH_JWT_PUBLIC_KEYS: %w", err)
	}
	return NewKeySet(Algorithm(c.Algorithm), private, retired...)
}
