package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"fmt"

	"github.com/golang-jwt/jwt/v5"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

const minRSABits = 2048 // RFC 7518, section 3.3

// KeySet holds the key that signs and every key that verifies. Each is bound to one algorithm, so that a token cannot
// choose how it is checked, and is known by its RFC 7638 thumbprint. A KeySet never changes and is safe for concurrent use.
type KeySet struct {
	private crypto.Signer
	signing verificationKey
	byID    map[string]verificationKey
}

type verificationKey struct {
	id        string
	algorithm Algorithm
	method    jwt.SigningMethod
	public    crypto.PublicKey
}

// NewKeySet returns the set that signs with private and verifies with it and with the retired keys. It refuses a key that
// does not fit its algorithm, an RSA key of less than 2048 bits, and a signer that is none of [*rsa.PrivateKey],
// [*ecdsa.PrivateKey] and [ed25519.PrivateKey].
//
// The curve of a retired elliptic key says its algorithm. A retired RSA key has alg where that is an RSA algorithm, else
// RS256.
func NewKeySet(alg Algorithm, private crypto.Signer, retired ...crypto.PublicKey) (*KeySet, error) {
	alg, err := ParseAlgorithm(string(alg))
	if err != nil {
		return nil, err
	}
	switch private.(type) {
	case *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey:
	default:
		return nil, errors.Sentinel("the signing key must be an RSA, an ECDSA or an Ed25519 private key")
	}
	signing, err := newVerificationKey(alg, private.Public())
	if err != nil {
		return nil, fmt.Errorf("use the signing key: %w", err)
	}
	set := &KeySet{private: private, signing: signing, byID: map[string]verificationKey{signing.id: signing}}
	for i, public := range retired {
		key, err := newVerificationKey(retiredAlgorithm(alg, public), public)
		if err != nil {
			return nil, fmt.Errorf("use retired key %d: %w", i+1, err)
		}
		if _, known := set.byID[key.id]; !known {
			set.byID[key.id] = key
		}
	}
	return set, nil
}

// KeyID returns the kid of the key that signs: its RFC 7638 thumbprint.
func (s *KeySet) KeyID() string { return s.signing.id }

// Algorithm returns the algorithm of the key that signs.
func (s *KeySet) Algorithm() Algorithm { return s.signing.algorithm }

func newVerificationKey(alg Algorithm, public crypto.PublicKey) (verificationKey, error) {
	if err := fits(alg, public); err != nil {
		return verificationKey{}, err
	}
	id, err := Thumbprint(public)
	if err != nil {
		return verificationKey{}, err
	}
	return verificationKey{id: id, algorithm: alg, method: alg.method(), public: public}, nil
}

// keyError says which rule a key breaks. Its text never holds key material.
type keyError struct{ rule, message string }

func (e *keyError) Error() string { return e.message }

// fits says whether public is a key for alg, and a strong enough one.
func fits(alg Algorithm, public crypto.PublicKey) error {
	mismatch := &keyError{"algorithm", fmt.Sprintf("the key is not one for %s", alg)}
	switch m := alg.method().(type) {
	case *jwt.SigningMethodRSA:
		key, ok := public.(*rsa.PublicKey)
		if !ok {
			return mismatch
		}
		if key.N.BitLen() < minRSABits {
			return &keyError{"min_bits", fmt.Sprintf("an RSA key must have at least %d bits", minRSABits)}
		}
		return nil
	case *jwt.SigningMethodECDSA:
		if key, ok := public.(*ecdsa.PublicKey); ok && key.Curve.Params().BitSize == m.CurveBits {
			return nil
		}
	case *jwt.SigningMethodEd25519:
		if _, ok := public.(ed25519.PublicKey); ok {
			return nil
		}
	}
	return mismatch
}

func retiredAlgorithm(current Algorithm, public crypto.PublicKey) Algorithm {
	if fits(current, public) == nil {
		return current
	}
	for _, alg := range []Algorithm{ES256, ES384, ES512, EdDSA} {
		if fits(alg, public) == nil {
			return alg
		}
	}
	return RS256
}
