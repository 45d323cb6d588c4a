package auth_test

import (
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

type edit func(*forgery)

// attack is a token that must be refused, and why. The control differs from it in one thing and must be taken; where it
// is not given, it is the good token itself.
type attack struct {
	name    string
	forge   edit
	reason  string
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

// run tries every attack, and its control, on tokens that are good but for the edit. Nothing refused may be remembered.
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
				requireRefused(t, err, code, a.reason, token)
				require.Zero(t, p)
			}
			require.Zero(t, verifier.Remembered())

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
