package auth

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// jwk is a public key as defined by RFC 7517 (RFC 7518, section 6, and RFC 8037 for Ed25519). It
// has no member for a part of a private key. The members are in the order of RFC 7638.
type jwk struct {
	Algorithm Algorithm `json:"alg,omitempty"`
	Curve     string    `json:"crv,omitempty"`
	Exponent  string    `json:"e,omitempty"`
	KeyID     string    `json:"kid,omitempty"`
	Type      string    `json:"kty"`
	Modulus   string    `json:"n,omitempty"`
	Use       string    `json:"use,omitempty"`
	X         string    `json:"x,omitempty"`
	Y         string    `json:"y,omitempty"`
}

// newJWK returns a JWK with the required members only.
func newJWK(public crypto.PublicKey) (jwk, error) {
	b64 := base64.RawURLEncoding.EncodeToString
	switch key := public.(type) {
	case *rsa.PublicKey:
		return jwk{Type: "RSA", Modulus: b64(key.N.Bytes()), Exponent: b64(big.NewInt(int64(key.E)).Bytes())}, nil
	case *ecdsa.PublicKey:
		point, err := key.Bytes()
		if err != nil {
			return jwk{}, fmt.Errorf("encode the point of an ECDSA key: %w", err)
		}
		half := 1 + len(point)/2 // after the 0x04 of an uncompressed point
		return jwk{Type: "EC", Curve: key.Curve.Params().Name, X: b64(point[1:half]), Y: b64(point[half:])}, nil
	case ed25519.PublicKey:
		return jwk{Type: "OKP", Curve: "Ed25519", X: b64(key)}, nil
	}
	return jwk{}, errors.Sentinel("auth: only RSA, ECDSA and Ed25519 keys can be encoded as a JWK")
}

// Thumbprint returns the base64url SHA-256 thumbprint of a public key (RFC 7638; RFC 8037 for
// Ed25519). As the kid of the key it is the same in every process without configuration.
func Thumbprint(public crypto.PublicKey) (string, error) {
	key, err := newJWK(public)
	if err != nil {
		return "", err
	}
	required, err := json.Marshal(key)
	if err != nil {
		return "", fmt.Errorf("encode a JWK: %w", err)
	}
	sum := sha256.Sum256(required)
	return base64.RawURLEncoding.EncodeToString(sum[:]), nil
}

// encodeJWKS returns the JWK set of keys (RFC 7517, section 5) and its strong entity tag.
func encodeJWKS(keys []verificationKey) (body []byte, etag string, err error) {
	set := struct {
		Keys []jwk `json:"keys"`
	}{make([]jwk, 0, len(keys))}
	for _, key := range keys {
		k, err := newJWK(key.public)
		if err != nil {
			return nil, "", err
		}
		k.Use, k.Algorithm, k.KeyID = "sig", key.algorithm, key.id
		set.Keys = append(set.Keys, k)
	}
	body, err = json.Marshal(set)
	if err != nil {
		return nil, "", fmt.Errorf("encode the JWK set: %w", err)
	}
	sum := sha256.Sum256(body)
	return body, `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`, nil
}

// JWKS returns a handler for GET and HEAD that responds with the public keys in ring as a JWK set,
// the signing key first. Clients may cache it for 5 minutes, so publish a key before it signs.
func JWKS(ring *Keyring) echo.HandlerFunc {
	return func(c echo.Context) error {
		set := ring.Keys()
		h := c.Response().Header()
		h.Set("Cache-Control", "public, max-age=300")
		h.Set(echo.HeaderContentType, "application/jwk-set+json")
		h.Set("ETag", set.etag)
		// ServeContent compares If-None-Match with ETag. It does not see Range and If-Match,
		// because the errors that it writes for them are not problem documents.
		r := &http.Request{Method: c.Request().Method, Header: http.Header{
			"If-None-Match": {strings.Join(c.Request().Header["If-None-Match"], ",")},
		}}
		http.ServeContent(c.Response(), r, "", time.Time{}, bytes.NewReader(set.jwks))
		return nil
	}
}
