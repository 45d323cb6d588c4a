package auth

import (
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

// Thumbprint returns the base64url SHA-256 thumbprint of a public key (RFC 7638; RFC 8037 for Ed25519). It is the kid of
// the key, so that two processes with one key agree on its name without being told.
func Thumbprint(public crypto.PublicKey) (string, error) {
	key, err := newJWK(public)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(key.thumbprintInput()))
	return base64.RawURLEncoding.EncodeToString(sum[:]), nil
}

// thumbprintInput is the JSON that RFC 7638 hashes: the required members only, sorted, without spaces. All values are
// base64url or names, so nothing needs escaping.
func (k jwk) thumbprintInput() string {
	switch k.Type {
	case "RSA":
		return fmt.Sprintf(`{"e":"%s","kty":"RSA","n":"%s"}`, k.Exponent, k.Modulus)
	case "EC":
		return fmt.Sprintf(`{"crv":"%s","kty":"EC","x":"%s","y":"%s"}`, k.Curve, k.X, k.Y)
	default:
		return fmt.Sprintf(`{"crv":"%s","kty":"%s","x":"%s"}`, k.Curve, k.Type, k.X)
	}
}
