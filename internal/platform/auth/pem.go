package auth

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
)

// These replace the errors of crypto/x509, which describe ASN.1 instead of what to change.
var (
	errNoPEM     = &keyError{"pem", "must be PEM"}
	errTrailing  = &keyError{"pem", "must contain one private key and nothing else"}
	errEncrypted = &keyError{"pem", "must not be encrypted: decrypt the key first"}
	errPrivate   = &keyError{"pem", "must be an RSA, ECDSA or Ed25519 private key (PKCS#8, PKCS#1 or SEC1)"}
	errPublic    = &keyError{"pem", "must contain only RSA, ECDSA or Ed25519 public keys (PKIX or PKCS#1)"}
)

// ParsePrivateKey parses PEM with exactly one private key in PKCS#8, PKCS#1 or SEC1 form. It
// returns an [*rsa.PrivateKey], an [*ecdsa.PrivateKey] or an [ed25519.PrivateKey]. Its errors never
// quote the text.
func ParsePrivateKey(text []byte) (crypto.Signer, error) {
	block, rest := nextBlock(text)
	if block != nil && block.Type == "EC PARAMETERS" { // openssl writes it before a SEC1 key
		block, rest = nextBlock(rest)
	}
	switch {
	case block == nil:
		return nil, errNoPEM
	case len(rest) > 0:
		return nil, errTrailing
	case block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "":
		return nil, errEncrypted
	}
	var key any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	}
	signer, ok := key.(crypto.Signer) // not X25519
	if err != nil || !ok {
		return nil, errPrivate
	}
	return signer, nil
}

// nextBlock returns the block at the start of text, or nil. [pem.Decode] alone skips what it cannot
// parse before the first valid block, so that half a key would go unnoticed.
func nextBlock(text []byte) (*pem.Block, []byte) {
	text = bytes.TrimSpace(text)
	block, rest := pem.Decode(text)
	begin, read := []byte("-----BEGIN "), text[:len(text)-len(rest)]
	if block == nil || !bytes.HasPrefix(read, begin) || bytes.Count(read, begin) != 1 {
		return nil, text
	}
	return block, bytes.TrimSpace(rest)
}

// ParsePublicKeys parses a PEM bundle of public keys in PKIX or PKCS#1 form, which may be empty.
// Anything else in the text, such as a private key, is an error that does not quote it.
func ParsePublicKeys(text []byte) ([]crypto.PublicKey, error) {
	var keys []crypto.PublicKey
	for text = bytes.TrimSpace(text); len(text) > 0; {
		block, rest := nextBlock(text)
		if block == nil {
			return nil, errNoPEM
		}
		key, err := publicKey(block)
		if err != nil {
			return nil, err
		}
		keys, text = append(keys, key), rest
	}
	return keys, nil
}

func publicKey(block *pem.Block) (crypto.PublicKey, error) {
	var key any
	var err error
	switch block.Type {
	case "PUBLIC KEY":
		key, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		key, err = x509.ParsePKCS1PublicKey(block.Bytes)
	}
	if err == nil {
		switch key.(type) {
		case *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey:
			return key, nil
		}
	}
	return nil, errPublic
}

// MarshalPrivateKey returns key as PEM in PKCS#8 form.
func MarshalPrivateKey(key crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode the private key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// MarshalPublicKey returns key as PEM in PKIX form.
func MarshalPublicKey(key crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode the public key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// GenerateKey returns a new private key for alg: RSA with 2048 bits, the curve of alg, or Ed25519.
func GenerateKey(alg Algorithm) (crypto.Signer, error) {
	alg, err := ParseAlgorithm(string(alg))
	if err != nil {
		return nil, fmt.Errorf("the algorithm %w", err)
	}
	switch alg {
	case ES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case ES384:
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case ES512:
		return ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case EdDSA:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	default:
		return rsa.GenerateKey(rand.Reader, minRSABits)
	}
}
