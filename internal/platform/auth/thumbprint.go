package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/big"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// Thumbprint returns the base64url SHA-256 thumbprint of a public key (RFC 7638; RFC 8037 for Ed25519). It is the kid of
// the key, so that two processes with one key agree on its name without being told.
func Thumbprint(public crypto.PublicKey) (string, error) {
	members, err := thumbprintMembers(public)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(members))
	return base64.RawURLEncoding.EncodeToString(sum[:]), nil
}

// thumbprintMembers is the JSON that RFC 7638 hashes: the required members only, sorted, without spaces. All values are
// base64url, so nothing needs escaping.
func thumbprintMembers(public crypto.PublicKey) (string, error) {
	b64 := base64.RawURLEncoding.EncodeToString
	switch key := public.(type) {
	case *rsa.PublicKey:
		e := big.NewInt(int64(key.E)).Bytes()
		return fmt.Sprintf(`{"e":"%s","kty":"RSA","n":"%s"}`, b64(e), b64(key.N.Bytes())), nil
	case *ecdsa.PublicKey:
		point, err := key.Bytes()
		if err != nil {
			return "", fmt.Errorf("encode the point of an elliptic key: %w", err)
		}
		x, y := point[1:1+len(point)/2], point[1+len(point)/2:] // after the 0x04 of an uncompressed point
		return fmt.Sprintf(`{"crv":"%s","kty":"EC","x":"%s","y":"%s"}`, key.Curve.Params().Name, b64(x), b64(y)), nil
	case ed25519.PublicKey:
		return fmt.Sprintf(`{"crv":"Ed25519","kty":"OKP","x":"%s"}`, b64(key)), nil
	}
	return "", errors.Sentinel("a key of this kind has no thumbprint")
}
