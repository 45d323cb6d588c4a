package auth_test

import (
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

type edit func(*forgery)

// attack is a token that must be rejected for a reason. The control, which must be accepted,
// differs from it in one thing; nil means the valid token itself.
type attack struct {
	name    string
	forge   edit
	reason  auth.Reason
	control edit
}

func header(name, raw string) edit { return func(f *forgery) { f.header.set(name, raw) } }
func claim(name, raw string) edit  { return func(f *forgery) { f.claims.set(name, raw) } }
func noHeader(name string) edit    { return func(f *forgery) { f.header.drop(name) } }
func noClaim(name string) edit     { return func(f *forgery) { f.claims.drop(name) } }
func rawHeader(change func(string) string) edit {
	return func(f *forgery) { f.rawHeader = change }
}
func rawClaims(change func(string) string) edit {
	return func(f *forgery) { f.rawClaims = change }
}
func mangle(change func(string) string) edit {
	return func(f *forgery) { f.mangle = change }
}
func followedBy(text string) func(string) string { return func(s string) string { return s + text } }

func at(d time.Duration) string { return unix(now.Add(d)) }

// run tests every attack and its control with tokens that are valid except for the edit. Rejected
// tokens must not be cached.
func run(t *testing.T, attacks []attack) {
	t.Helper()
	keys := keySet(t, auth.ES256, ecKey())
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			verifier := newVerifier(t, keys)
			forged := newForgery(keys, jwt.SigningMethodES256, ecKey())
			a.forge(forged)
			token := forged.token(t)
			code := errors.CodeTokenInvalid
			if a.reason == "expired" {
				code = errors.CodeTokenExpired
			}
			for range 2 {
				p, err := verifier.Verify(t.Context(), token)
				requireRejected(t, err, code, a.reason, token)
				require.Zero(t, p)
			}
			require.Zero(t, verifier.CacheLen())

			control := newForgery(keys, jwt.SigningMethodES256, ecKey())
			if a.control != nil {
				a.control(control)
			}
			p, err := verifier.Verify(t.Context(), control.token(t))
			require.NoError(t, err, "the control")
			require.Equal(t, user, p.UserID)
			require.Equal(t, tenant, p.TenantID)
		})
	}
}

func TestClaimAttacks(t *testing.T) {
	t.Parallel()
	first := func(name, raw string) edit { // in front, so that the good one is the last
		return rawClaims(func(s string) string { return `{"` + name + `":` + raw + "," + s[1:] })
	}
	also := func(f *forgery, name, raw string) { f.claims.add(name, raw) }
	inSession := func(name, raw string) edit { // in a session, but for one claim
		return func(f *forgery) {
			f.claims.set("sid", quote(session.String()))
			f.claims.set("gen", `1`)
			f.claims.set(name, raw)
		}
	}
	hour, minute, second := time.Hour, time.Minute, time.Second
	attacks := []attack{
		{"expired", claim("exp", at(-hour)), "expired", nil},
		{"expired beyond the leeway", claim("exp", at(-leeway)), "expired", claim("exp", at(-leeway+second))},
		{"exp 0", claim("exp", `0`), "missing_claim", nil},
		{"exp negative", claim("exp", `-1`), "bad_claims", nil},
		{"exp a string", claim("exp", quote(at(hour))), "bad_claims", claim("exp", at(hour))},
		{"exp a fraction", claim("exp", at(hour)+".5"), "bad_claims", nil},
		{"exp with an exponent", claim("exp", `1e10`), "bad_claims", claim("exp", `10000000000`)},
		{"exp beyond float64", claim("exp", `1e400`), "bad_claims", nil},
		{"exp beyond int64", claim("exp", `9223372036854775808`), "bad_claims", nil},
		{"exp that overflows a time", claim("exp", `9223372036854775807`), "bad_claims", nil},
		{"exp in the year 10000", claim("exp", `253402300800`), "bad_claims", claim("exp", `253402300799`)},
		{"exp 1e308", claim("exp", `1e308`), "bad_claims", nil},
		{"exp a whole float", claim("exp", at(hour)+".0"), "bad_claims", nil},
		{"exp a list", claim("exp", `[`+at(hour)+`]`), "bad_claims", nil},
		{"exp NaN", claim("exp", `NaN`), "bad_claims", nil},
		{"exp true", claim("exp", `true`), "bad_claims", nil},
		{"exp twice, past and future", first("exp", at(-hour)), "bad_claims", nil},
		{"exp twice, future and past", func(f *forgery) { also(f, "exp", at(-hour)) }, "bad_claims", nil},
		{"exp twice, once escaped", first(`\u0065xp`, at(hour)), "bad_claims", nil},
		{"EXP instead of exp", func(f *forgery) { f.claims.drop("exp"); also(f, "EXP", at(hour)) }, "missing_claim", nil},
		{"EXP in the future beside exp in the past", func(f *forgery) {
			f.claims.set("exp", at(-hour))
			also(f, "EXP", at(hour))
		}, "expired", func(f *forgery) { also(f, "EXP", at(-hour)) }},

		{"nbf in the future", claim("nbf", at(leeway+second)), "not_yet_valid", claim("nbf", at(leeway))},
		{"iat in the future", claim("iat", at(leeway+second)), "not_yet_valid", claim("iat", at(leeway))},
		{"nbf a string", claim("nbf", quote(at(0))), "bad_claims", nil},
		{"iat negative", claim("iat", `-1`), "bad_claims", nil},

		{"iss of somebody else", claim("iss", `"other"`), "wrong_issuer", nil},
		{"iss in another case", claim("iss", `"Example-Service"`), "wrong_issuer", nil},
		{"iss with an end", claim("iss", `"example-service/"`), "wrong_issuer", nil},
		{"iss empty", claim("iss", `""`), "wrong_issuer", nil},
		{"iss a list", claim("iss", `["example-service"]`), "bad_claims", nil},
		{"iss twice", first("iss", `"other"`), "bad_claims", nil},
		{"aud of somebody else", claim("aud", `"other"`), "wrong_audience", nil},
		{"aud a list of others", claim("aud", `["other","example"]`), "wrong_audience", claim("aud", `["other","example-api"]`)},
		{"aud an empty list", claim("aud", `[]`), "wrong_audience", claim("aud", `["example-api"]`)},
		{"aud a list in a list", claim("aud", `[["example-api"]]`), "bad_claims", nil},
		{"aud a list with a number", claim("aud", `["example-api",1]`), "bad_claims", nil},
		{"aud an object", claim("aud", `{"example-api":true}`), "bad_claims", nil},

		{"aud empty", claim("aud", `""`), "wrong_audience", nil},
		{"aud a list with null", claim("aud", `[null]`), "wrong_audience", nil},
		{"aud of a longer name", claim("aud", `"example-api "`), "wrong_audience", nil},
		{"aud twice", first("aud", `"other"`), "bad_claims", nil},
		{"AUD beside aud", func(f *forgery) { f.claims.set("aud", `"other"`); also(f, "AUD", `"example-api"`) }, "wrong_audience", nil},
		{"iss of look-alike letters", claim("iss", `"example-s\u0435rvice"`), "wrong_issuer", nil},

		{"sub of somebody with a line break", claim("sub", `"`+user.String()+`\n"`), "bad_subject", nil},
		{"sub a wildcard", claim("sub", `"*"`), "bad_subject", nil},
		{"sub no UUID", claim("sub", `"admin"`), "bad_subject", nil},
		{"sub in braces", claim("sub", quote("{"+user.String()+"}")), "bad_subject", nil},
		{"sub a urn", claim("sub", quote("urn:uuid:"+user.String())), "bad_subject", nil},
		{"sub without hyphens", claim("sub", quote(strings.ReplaceAll(user.String(), "-", ""))), "bad_subject", nil},
		{"sub the nil UUID", claim("sub", `"00000000-0000-0000-0000-000000000000"`), "bad_subject", nil},
		{"sub a number", claim("sub", `1`), "bad_claims", nil},
		{"tenant_id no UUID", claim("tenant_id", `"*"`), "bad_tenant", nil},
		{"tenant_id the nil UUID", claim("tenant_id", `"00000000-0000-0000-0000-000000000000"`), "bad_tenant", nil},
		{"jti empty", claim("jti", `""`), "missing_claim", nil},

		{"sid without gen", claim("sid", quote(session.String())), "bad_session", nil},
		{"gen without sid", claim("gen", `1`), "bad_session", nil},
		{"gen zero without sid", claim("gen", `0`), "bad_session", nil},
		{"sid with gen null", inSession("gen", `null`), "bad_session", inSession("gen", `0`)},
		{"gen with sid empty", inSession("sid", `""`), "bad_session", nil},
		{"gen with sid null", inSession("sid", `null`), "bad_session", nil},
		{"sid no UUID", inSession("sid", `"1"`), "bad_session", nil},
		{"sid the nil UUID", inSession("sid", `"00000000-0000-0000-0000-000000000000"`), "bad_session", nil},
		{"sid in braces", inSession("sid", quote("{"+session.String()+"}")), "bad_session", nil},
		{"sid a list", inSession("sid", `[]`), "bad_claims", nil},
		{"gen negative", inSession("gen", `-1`), "bad_session", nil},
		{"gen a string", inSession("gen", `"1"`), "bad_claims", nil},
		{"gen a fraction", inSession("gen", `1.5`), "bad_claims", nil},
		{"gen beyond int64", inSession("gen", `9223372036854775808`), "bad_claims", inSession("gen", `9223372036854775807`)},
		{"gen twice", func(f *forgery) { inSession("gen", `1`)(f); also(f, "gen", `2`) }, "bad_claims", inSession("gen", `2`)},
		{"GEN instead of gen", func(f *forgery) { f.claims.set("sid", quote(session.String())); also(f, "GEN", `1`) }, "bad_session", nil},

		{"role unknown", claim("roles", `["member","root"]`), "unknown_role", claim("roles", `["member","admin"]`)},
		{"role in another case", claim("roles", `["Owner"]`), "unknown_role", claim("roles", `["owner"]`)},
		{"role null", claim("roles", `[null]`), "unknown_role", claim("roles", `[]`)},
		{"roles a string", claim("roles", `"owner"`), "bad_claims", noClaim("roles")},

		{"trailing JSON", rawClaims(followedBy(`{"a":1}`)), "bad_claims", rawClaims(followedBy("\n"))},
		{"null", rawClaims(func(string) string { return "null" }), "missing_claim", nil},
		{"a list", rawClaims(func(string) string { return "[]" }), "bad_claims", nil},
		{"no JSON", rawClaims(func(string) string { return "x" }), "bad_claims", nil},
		{"invalid UTF-8", claim("x", "\"\xff\""), "bad_claims", claim("x", `"é"`)},
		{"unclosed depth", claim("x", strings.Repeat("[", 2000)), "bad_claims",
			claim("x", strings.Repeat("[", 2000)+strings.Repeat("]", 2000))},
	}
	for name, reason := range map[string]auth.Reason{
		"exp": "missing_claim", "nbf": "missing_claim", "iat": "missing_claim", "jti": "missing_claim",
		"iss": "wrong_issuer", "aud": "wrong_audience", "sub": "bad_subject", "tenant_id": "bad_tenant",
	} {
		attacks = append(attacks, attack{"no " + name, noClaim(name), reason, nil})
		if name == "aud" {
			reason = "bad_claims"
		}
		attacks = append(attacks, attack{name + " null", claim(name, "null"), reason, nil})
	}
	run(t, append(attacks,
		attack{"tid of old tokens", func(f *forgery) { f.claims.drop("tenant_id"); also(f, "tid", quote(tenant.String())) }, "bad_tenant", nil},
		attack{"wrong in two ways is not called expired", func(f *forgery) {
			f.claims.set("exp", at(-hour))
			f.claims.set("iss", `"other"`)
		}, "wrong_issuer", claim("exp", at(minute))},
	))
}

// A token has exactly one spelling: another text that decodes to the same bytes is rejected.
func TestEncodingAttacks(t *testing.T) {
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

func TestMaximumTokenSizeIs8KiB(t *testing.T) {
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
	requireRejected(t, err, errors.CodeTokenInvalid, "token_too_long", "")
	require.Greater(t, len(longest), limit-4)
}

// none is a signing method without signatures under any spelling of the name none.
type none string

func (n none) Alg() string                    { return string(n) }
func (none) Sign(string, any) ([]byte, error) { return []byte("none"), nil }
func (none) Verify(string, []byte, any) error { return nil }

func TestHeaderAttacks(t *testing.T) {
	t.Parallel()
	signedBy := func(method jwt.SigningMethod, key any) edit {
		return func(f *forgery) { f.method, f.key = method, key; f.header.set("alg", quote(method.Alg())) }
	}
	embeddedKey := func(name, raw string) edit {
		return func(f *forgery) { f.header.add(name, raw); f.key = otherKey() }
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

		{"jwk", embeddedKey("jwk", `{"kty":"EC"}`), "key_in_header", nil},
		{"jku", embeddedKey("jku", `"https://evil.example/jwks.json"`), "key_in_header", nil},
		{"x5u", embeddedKey("x5u", `"https://evil.example/cert.pem"`), "key_in_header", nil},
		{"x5c", embeddedKey("x5c", `[]`), "key_in_header", nil},
		{"x5c of a certificate", embeddedKey("x5c", `["MIIB"]`), "key_in_header", nil},
		{"jwk of the right key", func(f *forgery) { f.header.add("jwk", `{"kty":"EC"}`) }, "key_in_header", nil},
		{"x5t is only a name", func(f *forgery) { f.header.add("x5t", `"AAAA"`); f.key = otherKey() }, "bad_signature",
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
		{"signed by another key", func(f *forgery) { f.key = otherKey() }, "bad_signature", nil},
	})
}

// If the token chose the algorithm, the public key would verify as an HMAC secret.
func TestPublicKeyIsNotAnHMACSecret(t *testing.T) {
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
		requireRejected(t, err, errors.CodeTokenInvalid, "wrong_algorithm", token)
	}
}

// The key is bound to RS256: its signatures by other RSA algorithms are rejected.
func TestAlgorithmIsBoundToTheKey(t *testing.T) {
	t.Parallel()
	keys := keySet(t, auth.RS256, rsaKey())
	verifier := newVerifier(t, keys)
	for _, method := range []jwt.SigningMethod{jwt.SigningMethodRS384, jwt.SigningMethodRS512, jwt.SigningMethodPS256, jwt.SigningMethodPS384, jwt.SigningMethodPS512} {
		forged := newForgery(keys, method, rsaKey())
		token := forged.token(t)
		_, err := verifier.Verify(t.Context(), token)
		requireRejected(t, err, errors.CodeTokenInvalid, "wrong_algorithm", token)

		forged.header.set("alg", `"RS256"`)
		token = forged.token(t)
		_, err = verifier.Verify(t.Context(), token)
		requireRejected(t, err, errors.CodeTokenInvalid, "bad_signature", token)
	}
	_, err := verifier.Verify(t.Context(), newForgery(keys, jwt.SigningMethodRS256, rsaKey()).token(t))
	require.NoError(t, err)
}

// The roles and permissions of the tests.
const (
	roleOwner  auth.Role = "owner"
	roleAdmin  auth.Role = "admin"
	roleMember auth.Role = "member"
	roleViewer auth.Role = "viewer"

	permNotesRead  auth.Permission = "notes:read"
	permNotesWrite auth.Permission = "notes:write"
	permUsersRead  auth.Permission = "users:read"
	permUsersWrite auth.Permission = "users:write"
	permAuditRead  auth.Permission = "audit:read"
)

var (
	permissions = []auth.Permission{permNotesRead, permNotesWrite, permUsersRead, permUsersWrite, permAuditRead}
	policy      = newPolicy(map[auth.Role][]auth.Permission{
		roleOwner: {"*:*"}, roleAdmin: {"notes:*", "users:*"}, roleMember: {"notes:*", permUsersRead}, roleViewer: {"*:read"},
	})
)

func newPolicy(grants map[auth.Role][]auth.Permission) *auth.Policy {
	p, err := auth.NewPolicy(grants, permissions)
	if err != nil {
		panic(err)
	}
	return p
}

const (
	issuerName = "example-service"
	audience   = "example-api"
	leeway     = 30 * time.Second
)

var (
	now     = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	user    = uuid.MustParse("019b0000-0000-7000-8000-000000000001")
	tenant  = uuid.MustParse("019b0000-0000-7000-8000-000000000002")
	session = uuid.MustParse("019b0000-0000-7000-8000-000000000003")

	// RSA keys are slow to make, so the tests share one key of each kind.
	rsaKey   = sync.OnceValue(func() crypto.Signer { return generate(auth.RS256) })
	ecKey    = sync.OnceValue(func() crypto.Signer { return generate(auth.ES256) })
	otherKey = sync.OnceValue(func() crypto.Signer { return generate(auth.ES256) })
)

func generate(alg auth.Algorithm) crypto.Signer {
	key, err := auth.GenerateKey(alg)
	if err != nil {
		panic(err)
	}
	return key
}

func keySet(t testing.TB, alg auth.Algorithm, key crypto.Signer, retired ...crypto.PublicKey) *auth.KeySet {
	t.Helper()
	set, err := auth.NewKeySet(alg, key, retired...)
	require.NoError(t, err)
	return set
}

func newVerifier(t testing.TB, keys *auth.KeySet, edits ...func(*auth.VerifierOptions)) *auth.Verifier {
	t.Helper()
	o := auth.VerifierOptions{Issuer: issuerName, Audience: audience, Policy: policy, Leeway: leeway}
	for _, edit := range edits {
		edit(&o)
	}
	v, err := auth.NewVerifier(auth.NewKeyring(keys), o)
	require.NoError(t, err)
	return v.At(func() time.Time { return now })
}

// object is the text of a JSON object, which may have duplicate names.
type object []struct{ name, raw string }

func (o *object) add(name, raw string) { *o = append(*o, struct{ name, raw string }{name, raw}) }

func (o *object) drop(name string) {
	*o = slices.DeleteFunc(*o, func(m struct{ name, raw string }) bool { return m.name == name })
}

func (o *object) set(name, raw string) { o.drop(name); o.add(name, raw) }

func (o object) String() string {
	members := make([]string, len(o))
	for i, m := range o {
		members[i] = `"` + m.name + `":` + m.raw
	}
	return "{" + strings.Join(members, ",") + "}"
}

// forgery is the parts of a token, valid until a test edits them.
type forgery struct {
	header, claims object
	method         jwt.SigningMethod
	key            any
	rawHeader      func(string) string // changes the JSON text of the header
	rawClaims      func(string) string // changes the JSON text of the claims
	mangle         func(string) string // changes the finished token
}

func newForgery(keys *auth.KeySet, method jwt.SigningMethod, key any) *forgery {
	f := &forgery{method: method, key: key}
	f.header.add("alg", quote(method.Alg()))
	f.header.add("typ", `"at+jwt"`)
	f.header.add("kid", quote(keys.KeyID()))
	f.claims.add("iss", quote(issuerName))
	f.claims.add("sub", quote(user.String()))
	f.claims.add("aud", quote(audience))
	f.claims.add("exp", unix(now.Add(15*time.Minute)))
	f.claims.add("nbf", unix(now))
	f.claims.add("iat", unix(now))
	f.claims.add("jti", `"token-1"`)
	f.claims.add("client_id", quote(issuerName))
	f.claims.add("tenant_id", quote(tenant.String()))
	f.claims.add("roles", `["member"]`)
	return f
}

func (f *forgery) token(t testing.TB) string {
	t.Helper()
	header, payload := f.header.String(), f.claims.String()
	if f.rawHeader != nil {
		header = f.rawHeader(header)
	}
	if f.rawClaims != nil {
		payload = f.rawClaims(payload)
	}
	signed := b64(header) + "." + b64(payload)
	signature, err := f.method.Sign(signed, f.key)
	require.NoError(t, err)
	token := signed + "." + b64(string(signature))
	if f.mangle != nil {
		token = f.mangle(token)
	}
	return token
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func quote(s string) string { return fmt.Sprintf("%q", s) }

func unix(at time.Time) string { return fmt.Sprint(at.Unix()) }

// requireRejected checks the code for the client and the reason for the audit trail, and that
// neither contains the token.
func requireRejected(t testing.TB, err error, code errors.Code, reason auth.Reason, token string) {
	t.Helper()
	e, ok := errors.AsType[*errors.Error](err)
	require.True(t, ok, "not rejected: %v", err)
	require.Equal(t, code, e.Code)
	rejection, ok := errors.AsType[*auth.Rejection](err)
	require.True(t, ok, "no rejection: %v", err)
	require.Equal(t, reason, rejection.Reason)
	for _, part := range strings.Split(token, ".") {
		if len(part) > 8 {
			require.NotContains(t, err.Error(), part)
		}
	}
}
