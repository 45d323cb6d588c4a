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

// KeySet holds the key that signs and every key that verifies. Each is bound to one algorithm, so that a token cannot
// choose how it is checked, and is known by its RFC 7638 thumbprint. A KeySet never changes and is safe for concurrent use;
// a [Keyring] exchanges one for another.
type KeySet struct {
	private crypto.Signer
	signing verificationKey
	header  string // of every token that is signed, encoded
	byID    map[string]verificationKey
	jwks    document
}

type verificationKey struct {
	id        string
	algorithm Algorithm
	method    jwt.SigningMethod
	public    crypto.PublicKey
}

// NewKeySet returns the set that signs with private and verifies with it and with the other public keys: retired ones,
// whose tokens have not ended yet, and the next one, which is published before it signs. It refuses a key that does not fit
// its algorithm or is weak (see [CheckKey]), and a signer that is none of [*rsa.PrivateKey], [*ecdsa.PrivateKey] and
// [ed25519.PrivateKey].
//
// The curve of another elliptic key says its algorithm. Another RSA key has alg where that is an RSA algorithm, else RS256:
// who changes from one RSA algorithm to a second waits for the tokens of the first to end.
func NewKeySet(alg Algorithm, private crypto.Signer, others ...crypto.PublicKey) (*KeySet, error) {
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
	all := []verificationKey{signing}
	set := &KeySet{private: private, signing: signing, byID: map[string]verificationKey{signing.id: signing}}
	for i, public := range others {
		key, err := newVerificationKey(otherAlgorithm(alg, public), public)
		if err != nil {
			return nil, fmt.Errorf("use public key %d: %w", i+1, err)
		}
		if _, known := set.byID[key.id]; !known {
			set.byID[key.id], all = key, append(all, key)
		}
	}
	if set.header, err = headerOf(signing); err != nil {
		return nil, err
	}
	set.jwks, err = newDocument(all)
	return set, err
}

// KeyID returns the kid of the key that signs: its RFC 7638 thumbprint.
func (s *KeySet) KeyID() string { return s.signing.id }

// Algorithm returns the algorithm of the key that signs.
func (s *KeySet) Algorithm() Algorithm { return s.signing.algorithm }

// holds reports whether tokens of the key are still taken, by the algorithm they were checked with. The id is a hash of the
// key, so that equal ids are equal keys.
func (s *KeySet) holds(key verificationKey) bool {
	same, ok := s.byID[key.id]
	return ok && same.algorithm == key.algorithm
}

func newVerificationKey(alg Algorithm, public crypto.PublicKey) (verificationKey, error) {
	if err := CheckKey(alg, public); err != nil {
		return verificationKey{}, err
	}
	id, err := Thumbprint(public)
	if err != nil {
		return verificationKey{}, err
	}
	return verificationKey{id: id, algorithm: alg, method: alg.method(), public: public}, nil
}

// otherAlgorithm returns the algorithm of a key that does not sign.
func otherAlgorithm(current Algorithm, public crypto.PublicKey) Algorithm {
	if CheckKey(current, public) == nil {
		return current
	}
	for _, alg := range []Algorithm{ES256, ES384, ES512, EdDSA} {
		if CheckKey(alg, public) == nil {
			return alg
		}
	}
	return RS256
}
