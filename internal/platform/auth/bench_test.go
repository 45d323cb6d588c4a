package auth_test

import (
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
)

var benchmarked = []auth.Algorithm{auth.RS256, auth.ES256, auth.EdDSA}

// jwtClaims is what a user of golang-jwt would decode the same token into.
type jwtClaims struct {
	jwt.RegisteredClaims
	ClientID string   `json:"client_id"`
	Tenant   string   `json:"tenant_id"`
	Roles    []string `json:"roles"`
}

// BenchmarkVerify compares golang-jwt's parser, a token that is not in the cache, and one that is.
// The second should cost at most 1.1 times the first, the third a twentieth of it.
func BenchmarkVerify(b *testing.B) {
	for _, alg := range benchmarked {
		key := generate(alg)
		keys := keySet(b, alg, key)
		token, _, err := newIssuer(b, keys).Issue(auth.Principal{UserID: user, TenantID: tenant, Roles: []auth.Role{roleMember}})
		require.NoError(b, err)

		b.Run(string(alg)+"/golang-jwt", func(b *testing.B) {
			parser := jwt.NewParser(jwt.WithValidMethods([]string{string(alg)}), jwt.WithIssuer(issuerName), jwt.WithAudience(audience),
				jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(leeway), jwt.WithTimeFunc(func() time.Time { return now }))
			b.ReportAllocs()
			for b.Loop() {
				_, err := parser.ParseWithClaims(token, &jwtClaims{}, func(*jwt.Token) (any, error) { return key.Public(), nil })
				if err != nil {
					b.Fatal(err)
				}
			}
		})
		for name, cached := range map[string]bool{"first": false, "again": true} {
			b.Run(string(alg)+"/"+name, func(b *testing.B) {
				verifier := newVerifier(b, keys)
				b.ReportAllocs()
				for b.Loop() {
					if !cached {
						verifier.Forget(token)
					}
					if _, err := verifier.Verify(b.Context(), token); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkVerifyAgainParallel(b *testing.B) {
	keys := keySet(b, auth.ES256, ecKey())
	token := newForgery(keys, jwt.SigningMethodES256, ecKey()).token(b)
	verifier := newVerifier(b, keys)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := verifier.Verify(b.Context(), token); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkIssue(b *testing.B) {
	for _, alg := range benchmarked {
		b.Run(string(alg), func(b *testing.B) {
			issuer := newIssuer(b, keySet(b, alg, generate(alg)))
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := issuer.Issue(auth.Principal{UserID: user, TenantID: tenant}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkHashPassword(b *testing.B) {
	p, err := auth.NewPasswords(auth.PasswordConfig{Argon2Memory: 19456, Argon2Passes: 2, Argon2Lanes: 1})
	require.NoError(b, err)
	for b.Loop() {
		if _, err := p.HashPassword(b.Context(), password); err != nil {
			b.Fatal(err)
		}
	}
}
