package auth

import (
	"encoding/base64"
	"fmt"

	"github.com/go-json-experiment/json"
)

const tokenType = "at+jwt" // RFC 9068, section 2.1

// headerOf returns the encoded JOSE header of every token that key signs.
func headerOf(key verificationKey) (string, error) {
	header, err := json.Marshal(struct {
		Algorithm Algorithm `json:"alg"`
		Type      string    `json:"typ"`
		KeyID     string    `json:"kid"`
	}{key.algorithm, tokenType, key.id})
	if err != nil {
		return "", fmt.Errorf("encode the token header: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(header), nil
}

// sign returns the claims as a token.
func (s *KeySet) sign(c claims) (string, error) {
	payload, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("encode the claims: %w", err)
	}
	signed := s.header + "." + base64.RawURLEncoding.EncodeToString(payload)
	signature, err := s.signing.method.Sign(signed, s.private)
	if err != nil {
		return "", fmt.Errorf("sign the token: %w", err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}
