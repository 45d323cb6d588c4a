package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"math/big"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// jwk is a public key as RFC 7517 writes it (RFC 7518, section 6, and RFC 8037 for Ed25519). It has no member that could
// hold a part of a private key. Values are base64url.
type jwk struct {
	Type      string    `json:"kty"`
	Use       string    `json:"use,omitempty"`
	Algorithm Algorithm `json:"alg,omitempty"`
	KeyID     string    `json:"kid,omitempty"`
	Modulus   string    `json:"n,omitempty"`
	Exponent  string    `json:"e,omitempty"`
	Curve     string    `json:"crv,omitempty"`
	X         string    `json:"x,omitempty"`
	Y         string    `json:"y,omitempty"`
}

// newJWK returns the members that make the key, and no others.
func newJWK(public crypto.PublicKey) (jwk, error) {
	b64 := base64.RawURLEncoding.EncodeToString
	switch key := public.(type) {
	case *rsa.PublicKey:
		return jwk{Type: "RSA", Modulus: b64(key.N.Bytes()), Exponent: b64(big.NewInt(int64(key.E)).Bytes())}, nil
	case *ecdsa.PublicKey:
		point, err := key.Bytes()
		if err != nil {
			return jwk{}, fmt.Errorf("encode the point of an elliptic key: %w", err)
		}
		half := 1 + len(point)/2 // after the 0x04 of an uncompressed point
		return jwk{Type: "EC", Curve: key.Curve.Params().Name, X: b64(point[1:half]), Y: b64(point[half:])}, nil
	case ed25519.PublicKey:
		return jwk{Type: "OKP", Curve: "Ed25519", X: b64(key)}, nil
	}
	return jwk{}, errors.Sentinel("a key of this kind cannot be written as a JWK")
}
