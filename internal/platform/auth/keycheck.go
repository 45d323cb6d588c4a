package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"fmt"

	"github.com/golang-jwt/jwt/v5"
)

// What an RSA key must have: enough bits (RFC 7518, section 3.3), not so many that checking a signature becomes an attack
// on the service, and a public exponent as FIPS 186-5 asks, which RSA of Go bounds from above.
const (
	minRSABits     = 2048
	maxRSABits     = 8192
	minRSAExponent = 1<<16 + 1
	maxRSAExponent = 1<<31 - 1
)

// keyError says which rule a key breaks. Its text never holds key material.
type keyError struct{ rule, message string }

func (e *keyError) Error() string { return e.message }

// CheckKey says whether public is a key for alg and a strong enough one: an RSA key of 2048 to 8192 bits, a key on the very
// curve that alg names, or an Ed25519 key. The error says which rule is broken and holds nothing of the key.
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
	return &keyError{"algorithm", fmt.Sprintf("the key is not one for %s", alg)}
}

func checkRSA(key *rsa.PublicKey) error {
	switch {
	case key.N == nil || key.N.Sign() <= 0 || key.N.Bit(0) == 0:
		return &keyError{"modulus", "the modulus of an RSA key must be odd"}
	case key.N.BitLen() < minRSABits:
		return &keyError{"min_bits", fmt.Sprintf("an RSA key must have at least %d bits", minRSABits)}
	case key.N.BitLen() > maxRSABits:
		return &keyError{"max_bits", fmt.Sprintf("an RSA key must have at most %d bits", maxRSABits)}
	case key.E < minRSAExponent || key.E > maxRSAExponent || key.E%2 == 0:
		return &keyError{"exponent", fmt.Sprintf("the public exponent of an RSA key must be odd and at least %d", minRSAExponent)}
	}
	return nil
}
