package auth_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/big"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// family is the key of a session's refresh tokens.
var family = auth.NewSeed()

func TestAPIKey(t *testing.T) {
	t.Parallel()
	key := auth.NewAPIKey(tenant, session)
	text := key.Reveal()
	require.Regexp(t, "^ak_[0-9A-Za-z]{86}_[0-9A-Za-z]{6}$", text)
	read, err := auth.ParseAPIKey(text)
	require.NoError(t, err)
	assert.Equal(t, key, read)
	assert.Equal(t, tenant, read.TenantID())
	assert.Equal(t, session, read.ID())
	assert.Len(t, read.Hash(), 32)
	assert.True(t, read.Matches(key.Hash()))
	assert.Equal(t, "ak_..."+text[len(text)-4:], key.Hint())

	other := auth.NewAPIKey(tenant, session)
	assert.NotEqual(t, text, other.Reveal(), "each key has a new secret")
	assert.False(t, other.Matches(key.Hash()))
	assert.False(t, other.Matches(nil))
}

func TestParseRejectsMalformedCredentials(t *testing.T) {
	t.Parallel()
	key, token := auth.NewAPIKey(tenant, session).Reveal(), auth.NewRefreshToken(tenant, session, family).Reveal()
	for _, kind := range []struct {
		prefix, good, other, message string
		parse                        func(string) (any, error)
	}{
		{"ak_", key, token, "the text is not an API key", func(s string) (any, error) { return auth.ParseAPIKey(s) }},
		{"rt_", token, key, "the text is not a refresh token", func(s string) (any, error) { return auth.ParseRefreshToken(s) }},
	} {
		good := kind.good
		typo := []byte(good)
		typo[40] = "10"[typo[40]&1] // always another digit
		withChecksum := func(body string) string { return auth.WithChecksum(kind.prefix + body) }
		for name, text := range map[string]string{
			"empty": "", "prefix": kind.prefix, "short": good[:95], "long": good + "0", "typing error": string(typo),
			"LF": good[:95] + "\n", "LF more": good + "\n", "CR": good[:50] + "\r" + good[51:], "blank": " " + good, "blank in front": " " + good[:95],
			"another prefix": strings.ToUpper(good[:3]) + good[3:], "no prefix": good[3:], "the other kind": kind.other,
			"no underscore": good[:89] + "-" + good[90:], "no checksum": good[:90], "wrong checksum": good[:90] + "000000",
			"sign": withChecksum("+" + good[4:89]), "minus": withChecksum("-" + good[4:89]), "not ASCII": withChecksum("\u00e9" + good[5:89]),
			"beyond 512 bits": withChecksum(new(big.Int).Lsh(big.NewInt(1), 512).Text(62)), "all Z": withChecksum(strings.Repeat("Z", 86)),
			"nil ids": withChecksum(strings.Repeat("0", 86)), "no id": auth.NewAPIKey(tenant, uuid.Nil).Reveal(),
			"no tenant": auth.NewAPIKey(uuid.Nil, session).Reveal(), "no session": auth.NewRefreshToken(tenant, uuid.Nil, family).Reveal(),
			"no tenant of a token": auth.NewRefreshToken(uuid.Nil, session, family).Reveal(),
			"a JWT":                "eyJhbGciOiJFUzI1NiJ9.e30.c2ln", "huge": strings.Repeat(kind.prefix, 1<<20),
		} {
			got, err := kind.parse(text)
			require.EqualError(t, err, kind.message, name)
			assert.Zero(t, got, name)
		}
	}
}

func TestRefreshToken(t *testing.T) {
	t.Parallel()
	token := auth.NewRefreshToken(tenant, session, family)
	require.Regexp(t, "^rt_[0-9A-Za-z]{86}_[0-9A-Za-z]{6}$", token.Reveal())
	read, err := auth.ParseRefreshToken(token.Reveal())
	require.NoError(t, err)
	assert.Equal(t, token, read)
	assert.Equal(t, tenant, read.TenantID())
	assert.Equal(t, session, read.SessionID())
	assert.True(t, read.Matches(token.Hash()))
	assert.False(t, auth.NewRefreshToken(tenant, session, family).Matches(token.Hash()))
}

func TestSuccessorIsReproducible(t *testing.T) {
	t.Parallel()
	token, seed := auth.NewRefreshToken(tenant, session, family), auth.NewSeed()
	require.Len(t, seed, 32)
	next := token.Successor(family, seed)
	assert.Equal(t, next, token.Successor(family, seed), "the same token and seed have the same successor")
	assert.Equal(t, tenant, next.TenantID())
	assert.Equal(t, session, next.SessionID())
	assert.NotEqual(t, token, next)
	assert.NotEqual(t, next, token.Successor(family, auth.NewSeed()), "depends on the seed")
	assert.NotEqual(t, next, auth.NewRefreshToken(tenant, session, family).Successor(family, seed), "depends on the token")
	read, err := auth.ParseRefreshToken(next.Reveal())
	require.NoError(t, err)
	assert.Equal(t, next, read)
}

func TestOfDetectsForgedRefreshTokens(t *testing.T) {
	t.Parallel()
	first := auth.NewRefreshToken(tenant, session, family)
	second := first.Successor(family, auth.NewSeed())
	third := second.Successor(family, auth.NewSeed())
	for _, token := range []auth.RefreshToken{first, second, third} {
		assert.True(t, token.Of(family))
		assert.False(t, token.Of(auth.NewSeed()))
		assert.False(t, token.Of(nil))
	}
	forged := func(tenant, session uuid.UUID) auth.RefreshToken {
		return auth.RefreshTokenOf(tenant, session, first.Secret())
	}
	assert.True(t, forged(tenant, session).Of(family), "the control")
	for at := range tenant { // every byte of the ids
		other := tenant
		other[at] ^= 1
		assert.False(t, forged(other, session).Of(family), at)
		other = session
		other[at] ^= 1
		assert.False(t, forged(tenant, other).Of(family), at)
	}
	for at := range first.Secret() { // and of the nonce and the MAC
		secret := bytes.Clone(first.Secret())
		secret[at] ^= 1
		assert.False(t, auth.RefreshTokenOf(tenant, session, secret).Of(family), at)
	}
	for name, forged := range map[string]auth.RefreshToken{
		"another session":   auth.NewRefreshToken(tenant, uuid.New(), auth.NewSeed()),
		"no key":            auth.NewRefreshToken(tenant, session, nil),
		"a stray successor": auth.NewRefreshToken(tenant, session, auth.NewSeed()).Successor(auth.NewSeed(), family),
	} {
		assert.False(t, forged.Of(family), name)
	}
}

// However it is formatted, alone or as a part of another value, a credential shows neither its
// secret nor its ids.
func TestCredentialsAreRedacted(t *testing.T) {
	t.Parallel()
	key, token := auth.NewAPIKey(tenant, session), auth.NewRefreshToken(tenant, session, family)
	var out bytes.Buffer
	core, err := logging.NewCore(logging.Options{App: "test", Level: "debug", Format: "json", Output: &out})
	require.NoError(t, err)
	for _, value := range []any{key, token, &key, &token, []any{key, token}, struct{ Key auth.APIKey }{key}, map[string]any{"value": token}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb+"\n", value)
		}
		encoded, err := json.Marshal(value)
		require.NoError(t, err)
		out.Write(encoded)
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "value", value)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "value", value)
		logging.New(core, "test").Info(t.Context(), "shown", logging.Any("value", value))
	}
	text, err := key.MarshalText()
	require.NoError(t, err)
	assert.Equal(t, "[REDACTED]", string(text)+"")
	assert.Equal(t, "[REDACTED]", token.String())
	printed := out.String()
	assert.Contains(t, printed, "[REDACTED]")
	secret := fmt.Sprintf("%x", []byte(token.Reveal()))
	for _, leak := range []string{key.Reveal()[10:40], token.Reveal()[50:80], secret, tenant.String(), "[1 155 0 0", "0x1, 0x9b"} {
		assert.NotContains(t, printed, leak)
	}
}

func FuzzParseAPIKey(f *testing.F) {
	for _, seed := range []string{auth.NewAPIKey(tenant, session).Reveal(), "", "ak_", "ak_" + strings.Repeat("0", 86) + "_000000", strings.Repeat("_", 96)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if key, err := auth.ParseAPIKey(text); err == nil {
			require.Equal(t, text, key.Reveal())
		}
		// With a valid checksum the fuzzer reaches the other checks.
		if len(text) >= 89 {
			if key, err := auth.ParseAPIKey(auth.WithChecksum("ak_" + text[3:89])); err == nil {
				require.Equal(t, "ak_"+text[3:89], key.Reveal()[:89])
				require.NotZero(t, key.TenantID())
			}
		}
	})
}

func FuzzParseRefreshToken(f *testing.F) {
	for _, seed := range []string{auth.NewRefreshToken(tenant, session, family).Reveal(), "", "rt_", "rt_" + strings.Repeat("0", 86) + "_000000", strings.Repeat("\n", 96)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if token, err := auth.ParseRefreshToken(text); err == nil {
			require.Equal(t, text, token.Reveal())
		}
	})
}
