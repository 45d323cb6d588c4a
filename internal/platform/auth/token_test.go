package auth_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
)

func newIssuer(t testing.TB, keys *auth.KeySet) *auth.Issuer {
	t.Helper()
	issuer, err := auth.NewIssuer(auth.NewKeyring(keys), auth.IssuerOptions{
		Issuer: issuerName, Audience: audience, Policy: policy, TTL: 15 * time.Minute,
	})
	require.NoError(t, err)
	return issuer.At(func() time.Time { return now.Add(time.Second / 2) })
}

func TestNewIssuerRejectsMissingOptions(t *testing.T) {
	t.Parallel()
	keys := auth.NewKeyring(keySet(t, auth.ES256, ecKey()))
	good := auth.IssuerOptions{Issuer: issuerName, Audience: audience, Policy: policy, TTL: time.Second}
	for name, o := range map[string]auth.IssuerOptions{
		"no issuer":    {Audience: audience, Policy: policy, TTL: time.Minute},
		"no audience":  {Issuer: issuerName, Policy: policy, TTL: time.Minute},
		"no policy":    {Issuer: issuerName, Audience: audience, TTL: time.Minute},
		"no life":      {Issuer: issuerName, Audience: audience, Policy: policy},
		"negative":     {Issuer: issuerName, Audience: audience, Policy: policy, TTL: -time.Minute},
		"below second": {Issuer: issuerName, Audience: audience, Policy: policy, TTL: time.Second - 1},
	} {
		_, err := auth.NewIssuer(keys, o)
		assert.Error(t, err, name)
	}
	_, err := auth.NewIssuer(auth.NewKeyring(nil), good)
	require.Error(t, err)
	_, err = auth.NewIssuer(keys, good)
	require.NoError(t, err)
}

// RFC 9068, sections 2.1 and 2.2.
func TestTokenFollowsRFC9068(t *testing.T) {
	t.Parallel()
	keys := keySet(t, auth.ES256, ecKey())
	token, expires, err := newIssuer(t, keys).Issue(auth.Principal{
		UserID: user, TenantID: tenant, Roles: []auth.Role{roleOwner}, SessionID: session,
		TokenID: "not this", ExpiresAt: now.Add(-time.Hour),
	})
	require.NoError(t, err)
	require.Equal(t, now.Add(15*time.Minute), expires)

	segments := strings.Split(token, ".")
	var header, claims map[string]any
	for i, into := range []*map[string]any{&header, &claims} {
		raw, err := base64.RawURLEncoding.DecodeString(segments[i])
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(raw, into))
	}
	assert.Equal(t, map[string]any{"alg": "ES256", "typ": "at+jwt", "kid": keys.KeyID()}, header)
	id, err := uuid.Parse(claims["jti"].(string))
	require.NoError(t, err)
	assert.Equal(t, uuid.Version(7), id.Version())
	delete(claims, "jti")
	assert.Equal(t, map[string]any{
		"iss": issuerName, "sub": user.String(), "aud": []any{audience}, "client_id": issuerName,
		"exp": float64(expires.Unix()), "nbf": float64(now.Unix()), "iat": float64(now.Unix()),
		"tenant_id": tenant.String(), "roles": []any{"owner"}, "sid": session.String(), "gen": 0.0,
	}, claims)
}

func TestIssueUntil(t *testing.T) {
	t.Parallel()
	keys := keySet(t, auth.ES256, ecKey())
	issuer := newIssuer(t, keys)
	p := auth.Principal{UserID: user, TenantID: tenant}
	for end, want := range map[time.Time]time.Time{
		now.Add(time.Minute + time.Millisecond):   now.Add(time.Minute),
		now.Add(2*time.Minute - time.Millisecond): now.Add(2*time.Minute - time.Second), // never later than the end
		now.Add(time.Hour):                        now.Add(15 * time.Minute),
		{}:                                        now.Add(15 * time.Minute),
	} {
		token, expires, err := issuer.IssueUntil(p, end)
		require.NoError(t, err)
		assert.Equal(t, want, expires)
		read, err := newVerifier(t, keys).Verify(t.Context(), token)
		require.NoError(t, err)
		assert.Equal(t, want, read.ExpiresAt)
	}
}

func TestIssueRejectsInvalidPrincipals(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t, keySet(t, auth.ES256, ecKey()))
	for name, p := range map[string]auth.Principal{
		"no user":                         {TenantID: tenant},
		"no tenant":                       {UserID: user},
		"unknown role":                    {UserID: user, TenantID: tenant, Roles: []auth.Role{"root"}},
		"negative generation":             {UserID: user, TenantID: tenant, SessionID: session, Generation: -1},
		"generation without a session":    {UserID: user, TenantID: tenant, Generation: 1},
		"an API key":                      {UserID: user, TenantID: tenant, APIKeyID: session},
		"scopes, which no token can hold": {UserID: user, TenantID: tenant, Scopes: []auth.Permission{}},
	} {
		token, _, err := issuer.Issue(p)
		assert.Error(t, err, name)
		assert.Empty(t, token, name)
	}
}

func TestIssuedTokenVerifiesWithRealClock(t *testing.T) {
	t.Parallel()
	keys := auth.NewKeyring(keySet(t, auth.ES256, ecKey()))
	issuer, err := auth.NewIssuer(keys, auth.IssuerOptions{
		Issuer: issuerName, Audience: audience, Policy: policy, TTL: time.Minute + time.Second/2,
	})
	require.NoError(t, err)
	verifier, err := auth.NewVerifier(keys, auth.VerifierOptions{Issuer: issuerName, Audience: audience, Policy: policy})
	require.NoError(t, err)
	token, expires, err := issuer.Issue(auth.Principal{UserID: user, TenantID: tenant})
	require.NoError(t, err)
	p, err := verifier.Verify(t.Context(), token)
	require.NoError(t, err)
	require.Equal(t, expires, p.ExpiresAt)
}
