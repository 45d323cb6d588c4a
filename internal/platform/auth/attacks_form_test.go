package auth_test

import (
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// Every token has one spelling. What decodes to the same bytes but is written another way is another token, and refused.
func TestFormAttacks(t *testing.T) {
	t.Parallel()
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	segment := func(n int, change func(string) string) edit {
		return mangle(func(s string) string {
			parts := strings.Split(s, ".")
			parts[n] = change(parts[n])
			return strings.Join(parts, ".")
		})
	}
	insert := func(text string) func(string) string {
		return func(s string) string { return s[:len(s)/2] + text + s[len(s)/2:] }
	}
	replace := func(text string) func(string) string { return func(string) string { return text } }
	trailingBit := func(s string) string { // a signature of 64 bytes leaves four bits of its last character unused
		return s[:len(s)-1] + string(alphabet[strings.IndexByte(alphabet, s[len(s)-1])|1])
	}
	flip := func(s string) string {
		return string(alphabet[strings.IndexByte(alphabet, s[0])^1]) + s[1:]
	}
	der := func(s string) string {
		raw, _ := base64.RawURLEncoding.DecodeString(s)
		pair := []*big.Int{new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:])}
		encoded, _ := asn1.Marshal(struct{ R, S *big.Int }{pair[0], pair[1]})
		return b64(string(encoded))
	}
	attacks := []attack{
		{"empty", mangle(replace("")), "not_three_segments", nil},
		{"only dots", mangle(replace("..")), "not_three_segments", nil},
		{"two segments", mangle(func(s string) string { return s[:strings.LastIndex(s, ".")] }), "not_three_segments", nil},
		{"four segments", mangle(followedBy(".e30")), "not_three_segments", nil},
		{"five segments", mangle(followedBy(".e30.e30")), "not_three_segments", nil},
		{"a JWE", mangle(replace("eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AAAA.AAAA.AAAA")), "not_three_segments", nil},
		{"a JWS in JSON", mangle(func(s string) string { return `{"payload":"` + strings.Split(s, ".")[1] + `","signatures":[]}` }),
			"not_three_segments", nil},
		{"a token in a token", segment(1, func(s string) string { return b64(s) }), "bad_signature", nil},
		{"a million bytes", mangle(followedBy(strings.Repeat("A", 1_000_000))), "token_too_long", nil},
		{"LF in front", mangle(func(s string) string { return "\n" + s }), "line_break", nil},
		{"CR LF and a header", mangle(followedBy("\r\nX-Admin: 1")), "line_break", nil},
		{"full-width letters", mangle(func(s string) string { return "\uff45" + s[1:] }), "bad_base64url", nil},
		{"a dot that is none", mangle(func(s string) string { return strings.ReplaceAll(s, ".", "\u3002") }), "not_three_segments", nil},
		{"a dot at the end", mangle(followedBy(".")), "not_three_segments", nil},
		{"no signature", segment(2, replace("")), "not_three_segments", nil},
		{"no payload", segment(1, replace("")), "not_three_segments", nil},
		{"no header", segment(0, replace("")), "not_three_segments", nil},
		{"a million dots", mangle(replace(strings.Repeat(".", 1_000_000))), "token_too_long", nil},
		{"line break at the end", mangle(followedBy("\n")), "line_break", nil},
		{"trailing bits", segment(2, trailingBit), "bad_base64url", nil},
		{"blank in front", mangle(func(s string) string { return " " + s }), "bad_base64url", nil},
		{"not ASCII", segment(1, insert("é")), "bad_base64url", nil},
		{"NUL", segment(2, insert("\x00")), "bad_base64url", nil},
		{"signature changed", segment(2, flip), "bad_signature", nil},
		{"signature cut", segment(2, func(s string) string { return s[:40] }), "bad_signature", nil},
		{"signature in DER", segment(2, der), "bad_signature", nil},
		{"payload changed", segment(1, replace(b64(`{"sub":"x"}`))), "bad_signature", nil},
		{"signature padded with zeros in front", segment(2, func(s string) string { return b64("\x00") + s }), "bad_signature", nil},
		{"signature with a byte more", segment(2, func(s string) string {
			raw, _ := base64.RawURLEncoding.DecodeString(s)
			return b64(string(raw) + "\x00")
		}), "bad_signature", nil},
		{"signature without s", segment(2, func(s string) string {
			raw, _ := base64.RawURLEncoding.DecodeString(s)
			return b64(string(raw[:32]))
		}), "bad_signature", nil},
		{"signature of zeros", segment(2, replace(b64(string(make([]byte, 64))))), "bad_signature", nil},
	}
	for n, name := range []string{"header", "payload", "signature"} {
		attacks = append(attacks,
			attack{"LF in the " + name, segment(n, insert("\n")), "line_break", nil},
			attack{"CR in the " + name, segment(n, insert("\r")), "line_break", nil},
			attack{"padding after the " + name, segment(n, followedBy("==")), "bad_base64url", nil},
			attack{"plus in the " + name, segment(n, insert("+")), "bad_base64url", nil},
			attack{"slash in the " + name, segment(n, insert("/")), "bad_base64url", nil},
		)
	}
	run(t, attacks)
}

func TestTokenOf8KiBIsTheLongest(t *testing.T) {
	t.Parallel()
	const limit = 8 << 10
	keys := keySet(t, auth.ES256, ecKey())
	verifier := newVerifier(t, keys)
	padded := func(n int) string {
		forged := newForgery(keys, jwt.SigningMethodES256, ecKey())
		forged.claims.add("pad", quote(strings.Repeat("x", n)))
		return forged.token(t)
	}
	n := (limit - len(padded(0))) * 3 / 4
	for len(padded(n)) < limit {
		n++
	}
	longest := padded(n)
	for ; len(longest) > limit; n-- {
		longest = padded(n - 1)
	}
	_, err := verifier.Verify(t.Context(), longest)
	require.NoError(t, err)

	tooLong := longest + strings.Repeat("A", limit+1-len(longest))
	_, err = verifier.Verify(t.Context(), tooLong)
	requireRefused(t, err, errors.CodeTokenInvalid, "token_too_long", "")
	require.Greater(t, len(longest), limit-4)
}
