package auth_test

import (
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// Every token but the signed one is rejected, and the error contains nothing of it.
func FuzzVerify(f *testing.F) {
	keys := keySet(f, auth.ES256, ecKey())
	verifier := newVerifier(f, keys)
	good := newForgery(keys, jwt.SigningMethodES256, ecKey()).token(f)
	for _, seed := range []string{
		good, "", "..", "a.b.c", good + "\n", good + "=", good + ".", " " + good, strings.ToUpper(good), strings.Repeat(".", 9000),
		b64(`{"alg":"none","typ":"at+jwt"}`) + "." + b64(`{}`) + ".", b64(`{"crit":null}`) + ".e30.e30", b64(`{"alg":["`) + ".e30.e30",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		p, err := verifier.Verify(t.Context(), token)
		if token == good {
			require.NoError(t, err)
			return
		}
		require.Error(t, err)
		require.Zero(t, p)
		require.True(t, errors.HasCode(err, errors.CodeTokenInvalid))
	})
}

// With a valid signature the fuzzer reaches the checks of the header and the claims. An accepted
// token must have a user, a tenant, an id, known roles and a time of expiry in the future.
func FuzzVerifySigned(f *testing.F) {
	edKey := generate(auth.EdDSA)
	keys := keySet(f, auth.EdDSA, edKey, otherKey().Public())
	verifier := newVerifier(f, keys)
	good := newForgery(keys, jwt.SigningMethodEdDSA, edKey)
	header, claims := good.header.String(), good.claims.String()
	for _, seed := range [][2]string{
		{header, claims}, {"{}", claims}, {header, "{}"}, {header, "null"}, {header, claims + claims}, {header, `{"aud":[[]]}`},
		{strings.Replace(header, "alg", "ALG", 1), claims}, {header, strings.Replace(claims, "exp", "EXP", 1)},
		{header, strings.Replace(claims, `"exp":`, `"exp":-`, 1)}, {header, strings.Replace(claims, `"iat":`, `"iat":1e`, 1)},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, header, claims string) {
		signed := b64(header) + "." + b64(claims)
		signature, err := jwt.SigningMethodEdDSA.Sign(signed, edKey)
		require.NoError(t, err)
		p, err := verifier.Verify(t.Context(), signed+"."+b64(string(signature)))
		if err != nil {
			require.Zero(t, p)
			return
		}
		require.NotZero(t, p.UserID)
		require.NotZero(t, p.TenantID)
		require.NotEmpty(t, p.TokenID)
		require.True(t, p.ExpiresAt.Add(leeway).After(now))
		for _, role := range p.Roles {
			require.True(t, policy.Valid(role))
		}
	})
}

// A parsed hash formats as the same text.
func FuzzParsePHC(f *testing.F) {
	const good = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	for _, seed := range []string{good, "", "$$$$$", good + "$", strings.Replace(good, "64", "4294967360", 1), strings.Replace(good, "p=1", "p=257", 1)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if canonical, err := auth.CanonicalPHC(text); err == nil {
			require.Equal(t, text, canonical)
		}
	})
}

// An accepted header is exactly the scheme, one space and the token.
func FuzzBearer(f *testing.F) {
	for _, seed := range []string{"Bearer x", "bearer x", "Bearer", "Bearer ", "Bearer  x", "Bearer x y", "Basic x", "", " Bearer x", "Bearer\tx"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		token, reason := auth.Bearer([]string{value})
		if token == "" {
			return
		}
		require.Empty(t, reason)
		require.NotContains(t, token, " ")
		require.True(t, strings.EqualFold("Bearer "+token, value))
		_, reason = auth.Bearer([]string{value, value})
		require.NotEmpty(t, reason)
	})
}
