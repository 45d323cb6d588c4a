package auth_test

import (
	"crypto/x509"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// none signs with a text that is no signature, under any spelling of none.
type none string

func (n none) Alg() string                    { return string(n) }
func (none) Sign(string, any) ([]byte, error) { return []byte("none"), nil }
func (none) Verify(string, []byte, any) error { return nil }

func TestHeaderAttacks(t *testing.T) {
	t.Parallel()
	signedBy := func(method jwt.SigningMethod, key any) edit {
		return func(f *forgery) { f.method, f.key = method, key; f.header.set("alg", quote(method.Alg())) }
	}
	foreignKey := func(name, raw string) edit {
		return func(f *forgery) { f.header.add(name, raw); f.key = strangeKey() }
	}
	duplicate := func(name, raw string) edit { // in front, so that the good one is the last
		return rawHeader(func(s string) string { return `{"` + name + `":` + raw + "," + s[1:] })
	}
	run(t, []attack{
		{"alg none", signedBy(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType), "not_three_segments", nil},
		{"alg none with a signature", header("alg", `"none"`), "wrong_algorithm", nil},
		{"alg nOnE with a signature", header("alg", `"nOnE"`), "wrong_algorithm", nil},
		{"alg NONE", signedBy(none("NONE"), jwt.UnsafeAllowNoneSignatureType), "wrong_algorithm", nil},
		{"alg None", signedBy(none("None"), jwt.UnsafeAllowNoneSignatureType), "wrong_algorithm", nil},
		{"alg noNe", signedBy(none("noNe"), jwt.UnsafeAllowNoneSignatureType), "wrong_algorithm", nil},
		{"alg empty", header("alg", `""`), "wrong_algorithm", nil},
		{"alg none with a blank", header("alg", `"none "`), "wrong_algorithm", nil},
		{"alg none with NUL", header("alg", `"none\u0000"`), "wrong_algorithm", nil},
		{"alg of RFC 9864", header("alg", `"ESP256"`), "wrong_algorithm", nil},
		{"alg null", header("alg", `null`), "wrong_algorithm", nil},
		{"no alg", noHeader("alg"), "wrong_algorithm", nil},
		{"alg in another case", header("alg", `"es256"`), "wrong_algorithm", nil},
		{"alg of another curve", header("alg", `"ES384"`), "wrong_algorithm", nil},
		{"alg of another family", header("alg", `"RS256"`), "wrong_algorithm", nil},
		{"name of alg in another case", rawHeader(func(s string) string { return strings.Replace(s, "alg", "ALG", 1) }),
			"wrong_algorithm", nil},
		{"alg a number", header("alg", `256`), "bad_token_header", nil},
		{"alg a list", header("alg", `["ES256"]`), "bad_token_header", nil},
		{"alg twice, none first", duplicate("alg", `"none"`), "bad_token_header", nil},
		{"alg twice, once escaped", duplicate(`\u0061lg`, `"none"`), "bad_token_header", nil},
		{"kid twice", duplicate("kid", `"other"`), "bad_token_header", nil},
		{"unknown member twice", func(f *forgery) { f.header.add("x", "1"); f.header.add("x", "1") }, "bad_token_header",
			func(f *forgery) { f.header.add("x", "1") }},

		{"no typ", noHeader("typ"), "wrong_token_type", nil},
		{"typ JWT", header("typ", `"JWT"`), "wrong_token_type", header("typ", `"AT+JWT"`)},
		{"typ of a refresh token", header("typ", `"rt+jwt"`), "wrong_token_type", header("typ", `"application/at+jwt"`)},
		{"typ of an id token", header("typ", `"id+jwt"`), "wrong_token_type", nil},
		{"typ JOSE", header("typ", `"JOSE"`), "wrong_token_type", nil},
		{"typ of a foreign tree", header("typ", `"text/at+jwt"`), "wrong_token_type", nil},
		{"typ twice", duplicate("typ", `"JWT"`), "bad_token_header", nil},
		{"typ null", header("typ", `null`), "wrong_token_type", nil},
		{"typ with a blank", header("typ", `"at+jwt "`), "wrong_token_type", nil},

		{"crit", header("crit", `["exp"]`), "critical_header", header("critical", `["exp"]`)},
		{"crit empty", header("crit", `[]`), "critical_header", nil},
		{"crit null", header("crit", `null`), "critical_header", nil},
		{"crit b64", func(f *forgery) { f.header.add("b64", "false"); f.header.add("crit", `["b64"]`) }, "critical_header", nil},

		{"no kid", noHeader("kid"), "unknown_key", nil},
		{"unknown kid", header("kid", `"other"`), "unknown_key", nil},
		{"kid a list", rawHeader(func(s string) string { return strings.Replace(s, `"kid":"`, `"kid":["`, 1)[:len(s)] + `]}` }), "bad_token_header", nil},
		{"kid an object", header("kid", `{"$ne":null}`), "bad_token_header", nil},
		{"kid a URL", header("kid", `"https://evil.example/key"`), "unknown_key", nil},
		{"kid of a shell", header("kid", `"$(id)|/bin/sh"`), "unknown_key", nil},
		{"kid with a line break", header("kid", `"a\r\nX-Admin: 1"`), "unknown_key", nil},
		{"kid true", header("kid", `true`), "bad_token_header", nil},
		{"kid null", header("kid", `null`), "unknown_key", nil},
		{"kid a number", header("kid", `0`), "bad_token_header", nil},
		{"kid of a path", header("kid", `"../../../../dev/null"`), "unknown_key", nil},
		{"kid of SQL", header("kid", `"' or '1'='1"`), "unknown_key", nil},
		{"kid with NUL", rawHeader(func(s string) string { return strings.Replace(s, `"}`, `\u0000"}`, 1) }), "unknown_key", nil},
		{"kid of 256 bytes", header("kid", quote(strings.Repeat("k", 256))), "unknown_key", nil},
		{"kid of 257 bytes", header("kid", quote(strings.Repeat("k", 257))), "key_id_too_long", nil},
		{"kid of 100 KB", header("kid", quote(strings.Repeat("k", 100_000))), "token_too_long", nil},

		{"jwk", foreignKey("jwk", `{"kty":"EC"}`), "key_in_header", nil},
		{"jku", foreignKey("jku", `"https://evil.example/jwks.json"`), "key_in_header", nil},
		{"x5u", foreignKey("x5u", `"https://evil.example/cert.pem"`), "key_in_header", nil},
		{"x5c", foreignKey("x5c", `[]`), "key_in_header", nil},
		{"x5c of a certificate", foreignKey("x5c", `["MIIB"]`), "key_in_header", nil},
		{"jwk of the right key", func(f *forgery) { f.header.add("jwk", `{"kty":"EC"}`) }, "key_in_header", nil},
		{"x5t is only a name", func(f *forgery) { f.header.add("x5t", `"AAAA"`); f.key = strangeKey() }, "bad_signature",
			func(f *forgery) { f.header.add("x5t", `"AAAA"`) }},
		{"zip is not understood", func(f *forgery) {
			f.header.add("zip", `"DEF"`)
			f.rawClaims = func(string) string { return "\x03\x00" }
		},
			"bad_claims", nil},
		{"cty of a nested JWT", func(f *forgery) {
			f.header.add("cty", `"JWT"`)
			f.rawClaims = func(string) string { return "e30.e30.AAAA" }
		},
			"bad_claims", nil},
		{"jwk null", header("jwk", `null`), "key_in_header", nil},

		{"trailing JSON", rawHeader(followedBy(`{"a":1}`)), "bad_token_header", rawHeader(followedBy(" "))},
		{"null", rawHeader(func(string) string { return "null" }), "wrong_token_type", nil},
		{"a list", rawHeader(func(string) string { return "[]" }), "bad_token_header", nil},
		{"no JSON", rawHeader(func(string) string { return "x" }), "bad_token_header", nil},
		{"byte order mark", rawHeader(func(s string) string { return "\ufeff" + s }), "bad_token_header", nil},
		{"invalid UTF-8", header("x", "\"\xff\""), "bad_token_header", header("x", `"é"`)},
		{"signed by another key", func(f *forgery) { f.key = strangeKey() }, "bad_signature", nil},
	})
}

// A verifier that let the token choose would take the public key, which everybody has, for an HMAC secret.
func TestPublicKeyIsNoSecret(t *testing.T) {
	t.Parallel()
	keys := keySet(t, auth.RS256, rsaKey())
	verifier := newVerifier(t, keys)
	pem, err := auth.MarshalPublicKey(rsaKey().Public())
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(rsaKey().Public())
	require.NoError(t, err)
	for _, secret := range [][]byte{pem, []byte(strings.TrimSpace(string(pem))), der, {}} {
		token := newForgery(keys, jwt.SigningMethodHS256, secret).token(t)
		_, err := verifier.Verify(t.Context(), token)
		requireRefused(t, err, errors.CodeTokenInvalid, "wrong_algorithm", token)
	}
}

// The key is bound to RS256: a signature that the same key made in another way is none.
func TestAlgorithmIsBoundToTheKey(t *testing.T) {
	t.Parallel()
	keys := keySet(t, auth.RS256, rsaKey())
	verifier := newVerifier(t, keys)
	for _, method := range []jwt.SigningMethod{jwt.SigningMethodRS384, jwt.SigningMethodRS512, jwt.SigningMethodPS256, jwt.SigningMethodPS384, jwt.SigningMethodPS512} {
		forged := newForgery(keys, method, rsaKey())
		token := forged.token(t)
		_, err := verifier.Verify(t.Context(), token)
		requireRefused(t, err, errors.CodeTokenInvalid, "wrong_algorithm", token)

		forged.header.set("alg", `"RS256"`)
		token = forged.token(t)
		_, err = verifier.Verify(t.Context(), token)
		requireRefused(t, err, errors.CodeTokenInvalid, "bad_signature", token)
	}
	_, err := verifier.Verify(t.Context(), newForgery(keys, jwt.SigningMethodRS256, rsaKey()).token(t))
	require.NoError(t, err)
}
