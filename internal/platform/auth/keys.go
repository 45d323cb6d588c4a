package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/golang-jwt/jwt/v5"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// Algorithm names a signature algorithm of RFC 7518 or RFC 8037. Symmetric algorithms are left out:
// a service that can verify a token must not be able to make one.
type Algorithm string

// The supported algorithms.
const (
	RS256 Algorithm = "RS256"
	RS384 Algorithm = "RS384"
	RS512 Algorithm = "RS512"
	ES256 Algorithm = "ES256"
	ES384 Algorithm = "ES384"
	ES512 Algorithm = "ES512"
	EdDSA Algorithm = "EdDSA"
)

// methods are named here because any package can change golang-jwt's registry.
var methods = []jwt.SigningMethod{
	jwt.SigningMethodRS256, jwt.SigningMethodRS384, jwt.SigningMethodRS512,
	jwt.SigningMethodES256, jwt.SigningMethodES384, jwt.SigningMethodES512,
	jwt.SigningMethodEdDSA,
}

// ParseAlgorithm returns the algorithm with a name, in any case. The error omits the name; its text
// follows that of a variable or a flag.
func ParseAlgorithm(name string) (Algorithm, error) {
	for _, m := range methods {
		if strings.EqualFold(m.Alg(), name) {
			return Algorithm(m.Alg()), nil
		}
	}
	return "", errors.Sentinel("must be one of RS256, RS384, RS512, ES256, ES384, ES512, EdDSA")
}

// method returns nil for an unknown algorithm.
func (a Algorithm) method() jwt.SigningMethod {
	for _, m := range methods {
		if m.Alg() == string(a) {
			return m
		}
	}
	return nil
}

// KeySet holds the signing key and all verification keys. Each key is bound to one algorithm, so
// that a token cannot choose how it is verified, and is identified by its RFC 7638 thumbprint. A
// KeySet is immutable and safe for concurrent use.
type KeySet struct {
	private crypto.Signer
	signing verificationKey
	byID    map[string]verificationKey
	jwks    []byte // the JWK set
	etag    string // of jwks
}

type verificationKey struct {
	id        string
	algorithm Algorithm
	method    jwt.SigningMethod
	public    crypto.PublicKey
}

// NewKeySet returns a set that signs with private and verifies with its public key and with others:
// retired keys, whose tokens are still valid, and the next key, which is published before it signs.
// A key that does not fit its algorithm or is weak (see [CheckKey]) is an error, and so is a signer
// other than [*rsa.PrivateKey], [*ecdsa.PrivateKey] and [ed25519.PrivateKey].
//
// The algorithm of another elliptic key follows from its curve. Another RSA key uses alg, or RS256
// if that is no RSA algorithm: a change of the RSA algorithm invalidates earlier tokens.
func NewKeySet(alg Algorithm, private crypto.Signer, others ...crypto.PublicKey) (*KeySet, error) {
	alg, err := ParseAlgorithm(string(alg))
	if err != nil {
		return nil, fmt.Errorf("the algorithm %w", err)
	}
	switch private.(type) {
	case *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey:
	default:
		return nil, errors.Sentinel("the signing key must be an RSA, ECDSA or Ed25519 private key")
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
	set.jwks, set.etag, err = encodeJWKS(all)
	return set, err
}

// holds reports whether the set still has key with the same algorithm. Keys with equal ids are
// equal, since an id is a hash of the key.
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

// otherAlgorithm returns the algorithm of a key that verifies only.
func otherAlgorithm(signing Algorithm, public crypto.PublicKey) Algorithm {
	for _, alg := range []Algorithm{signing, ES256, ES384, ES512, EdDSA} {
		if CheckKey(alg, public) == nil {
			return alg
		}
	}
	return RS256
}

// Keyring holds the current key set. An [Issuer], a [Verifier] and [JWKS] read it on every call, so
// that keys can be rotated while the service runs. It is safe for concurrent use.
//
// A rotation has three steps, each completed on all replicas before the next: add the new public
// key to those that verify, and so to the JWK set; sign with the new key and verify with both;
// remove the old key after the last of its tokens has expired.
type Keyring struct{ current atomic.Pointer[KeySet] }

// NewKeyring returns a ring that holds keys.
func NewKeyring(keys *KeySet) *Keyring {
	r := &Keyring{}
	r.current.Store(keys)
	return r
}

// Keys returns the current key set. It is nil only for a ring made without keys.
func (r *Keyring) Keys() *KeySet { return r.current.Load() }

// Swap replaces the key set for all later calls. Tokens of a key that is not in keys are rejected
// at once, cached ones too. Nil changes nothing: a service always has keys.
func (r *Keyring) Swap(keys *KeySet) {
	if keys != nil {
		r.current.Store(keys)
	}
}

// The bounds of RSA keys: at least 2048 bits (RFC 7518, section 3.3); no more than 8192, because
// the cost of a verification grows with the size; and an exponent as FIPS 186-5 requires, within
// the upper bound of crypto/rsa.
const (
	minRSABits     = 2048
	maxRSABits     = 8192
	minRSAExponent = 1<<16 + 1
	maxRSAExponent = 1<<31 - 1
)

// keyError is the rule that a key violates. The message never contains key material.
type keyError struct{ rule, message string }

func (e *keyError) Error() string { return e.message }

// CheckKey reports whether public is a key for alg and strong enough: an RSA key of 2048 to 8192
// bits, a key on exactly the curve of alg, or an Ed25519 key. The error omits the key.
func CheckKey(alg Algorithm, public crypto.PublicKey) error {
	switch m := alg.method().(type) {
	case *jwt.SigningMethodRSA:
		if key, ok := public.(*rsa.PublicKey); ok {
			return checkRSA(key)
		}
	case *jwt.SigningMethodECDSA:
		if key, ok := public.(*ecdsa.PublicKey); ok && key.Curve != nil && key.Curve.Params().BitSize == m.CurveBits {
			return nil
		}
	case *jwt.SigningMethodEd25519:
		if key, ok := public.(ed25519.PublicKey); ok && len(key) == ed25519.PublicKeySize {
			return nil
		}
	}
	return &keyError{"algorithm", fmt.Sprintf("must be a key for %s", alg)}
}

func checkRSA(key *rsa.PublicKey) error {
	switch {
	case key.N == nil || key.N.Sign() <= 0 || key.N.Bit(0) == 0:
		return &keyError{"modulus", "must have an odd modulus"}
	case key.N.BitLen() < minRSABits:
		return &keyError{"min_bits", fmt.Sprintf("must have at least %d bits", minRSABits)}
	case key.N.BitLen() > maxRSABits:
		return &keyError{"max_bits", fmt.Sprintf("must have at most %d bits", maxRSABits)}
	case key.E < minRSAExponent || key.E > maxRSAExponent || key.E%2 == 0:
		return &keyError{"exponent", fmt.Sprintf("must have an odd exponent of at least %d", minRSAExponent)}
	}
	return nil
}
