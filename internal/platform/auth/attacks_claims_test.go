package auth_test

import (
	"strings"
	"testing"
	"time"
)

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
		{"iss in another case", claim("iss", `"Netrun-Service"`), "wrong_issuer", nil},
		{"iss with an end", claim("iss", `"netrun-service/"`), "wrong_issuer", nil},
		{"iss empty", claim("iss", `""`), "wrong_issuer", nil},
		{"iss a list", claim("iss", `["netrun-service"]`), "bad_claims", nil},
		{"iss twice", first("iss", `"other"`), "bad_claims", nil},
		{"aud of somebody else", claim("aud", `"other"`), "wrong_audience", nil},
		{"aud a list of others", claim("aud", `["other","netrun"]`), "wrong_audience", claim("aud", `["other","netrun-api"]`)},
		{"aud an empty list", claim("aud", `[]`), "wrong_audience", claim("aud", `["netrun-api"]`)},
		{"aud a list in a list", claim("aud", `[["netrun-api"]]`), "bad_claims", nil},
		{"aud a list with a number", claim("aud", `["netrun-api",1]`), "bad_claims", nil},
		{"aud an object", claim("aud", `{"netrun-api":true}`), "bad_claims", nil},

		{"aud empty", claim("aud", `""`), "wrong_audience", nil},
		{"aud a list with null", claim("aud", `[null]`), "wrong_audience", nil},
		{"aud of a longer name", claim("aud", `"netrun-api "`), "wrong_audience", nil},
		{"aud twice", first("aud", `"other"`), "bad_claims", nil},
		{"AUD beside aud", func(f *forgery) { f.claims.set("aud", `"other"`); also(f, "AUD", `"netrun-api"`) }, "wrong_audience", nil},
		{"iss of look-alike letters", claim("iss", `"netrun-s\u0435rvice"`), "wrong_issuer", nil},

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
	for name, reason := range map[string]string{
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
