package auth_test

import (
	"bytes"
	"encoding/base64"
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
	assert.NotEqual(t, text, other.Reveal(), "the secret is new each time")
	assert.False(t, other.Matches(key.Hash()))
	assert.False(t, other.Matches(nil))
}

func TestParseAPIKeyRefuses(t *testing.T) {
	t.Parallel()
	good := auth.NewAPIKey(tenant, session).Reveal()
	flipped := []byte(good)
	flipped[40]++
	tooLarge := new(big.Int).Lsh(big.NewInt(1), 512).Text(62)
	for name, text := range map[string]string{
		"empty": "", "prefix": "ak_", "short": good[:95], "long": good + "0", "typo": string(flipped), "LF": good[:95] + "\n", "CR": good[:50] + "\r" + good[51:],
		"blank in front": " " + good[:95], "another prefix": "AK_" + good[3:], "no underscore": strings.Replace(good, good[89:90], "-", 1)[:96],
		"sign": auth.WithChecksum("ak_+" + good[4:89]), "minus": auth.WithChecksum("ak_-" + good[4:89]), "not ASCII": auth.WithChecksum("ak_é" + good[5:89]),
		"beyond 512 bits": auth.WithChecksum("ak_" + tooLarge), "all Z": auth.WithChecksum("ak_" + strings.Repeat("Z", 86)),
		"nil ids": auth.WithChecksum("ak_" + strings.Repeat("0", 86)), "no id": auth.NewAPIKey(tenant, uuid.Nil).Reveal(),
		"no tenant": auth.NewAPIKey(uuid.Nil, session).Reveal(), "a refresh token": auth.NewRefreshToken(tenant, session, family).Reveal(),
		"huge": strings.Repeat("ak_", 1<<20),
	} {
		key, err := auth.ParseAPIKey(text)
		require.Error(t, err, name)
		assert.Zero(t, key, name)
		assert.EqualError(t, err, "the text is not an API key")
	}
}

func TestRefreshToken(t *testing.T) {
	t.Parallel()
	token := auth.NewRefreshToken(tenant, session, family)
	require.Regexp(t, "^rt_[0-9A-Za-z_-]{91}$", token.Reveal())
	read, err := auth.ParseRefreshToken(token.Reveal())
	require.NoError(t, err)
	assert.Equal(t, token, read)
	assert.Equal(t, tenant, read.TenantID())
	assert.Equal(t, session, read.SessionID())
	assert.True(t, read.Matches(token.Hash()))
	assert.False(t, auth.NewRefreshToken(tenant, session, family).Matches(token.Hash()))
}

func TestSuccessor(t *testing.T) {
	t.Parallel()
	token, seed := auth.NewRefreshToken(tenant, session, family), auth.NewSeed()
	require.Len(t, seed, 32)
	next := token.Successor(family, seed)
	assert.Equal(t, next, token.Successor(family, seed), "whoever asks again gets the same")
	assert.Equal(t, tenant, next.TenantID())
	assert.Equal(t, session, next.SessionID())
	assert.NotEqual(t, token, next)
	assert.NotEqual(t, next, token.Successor(family, auth.NewSeed()), "the seed decides")
	assert.NotEqual(t, next, auth.NewRefreshToken(tenant, session, family).Successor(family, seed), "and so does the token")
	read, err := auth.ParseRefreshToken(next.Reveal())
	require.NoError(t, err)
	assert.Equal(t, next, read)
}

func TestFamily(t *testing.T) {
	t.Parallel()
	first := auth.NewRefreshToken(tenant, session, family)
	second := first.Successor(family, auth.NewSeed())
	third := second.Successor(family, auth.NewSeed())
	for _, token := range []auth.RefreshToken{first, second, third} {
		assert.True(t, token.Of(family))
		assert.False(t, token.Of(auth.NewSeed()))
		assert.False(t, token.Of(nil))
	}
	raw, err := base64.RawURLEncoding.DecodeString(first.Reveal()[3:])
	require.NoError(t, err)
	for at := range raw[:64] { // every byte of the ids, of the nonce and of the mark
		other := bytes.Clone(raw[:64])
		other[at] ^= 1
		token, err := auth.ParseRefreshToken(auth.RefreshText(other))
		require.NoError(t, err)
		assert.False(t, token.Of(family), at)
	}
	for name, forged := range map[string]auth.RefreshToken{
		"another session":   auth.NewRefreshToken(tenant, uuid.New(), auth.NewSeed()),
		"no key":            auth.NewRefreshToken(tenant, session, nil),
		"a stray successor": auth.NewRefreshToken(tenant, session, auth.NewSeed()).Successor(auth.NewSeed(), family),
	} {
		assert.False(t, forged.Of(family), name)
	}
}

func TestParseRefreshTokenRefuses(t *testing.T) {
	t.Parallel()
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	good := auth.NewRefreshToken(tenant, session, family).Reveal()
	trailing := good[:93] + string(alphabet[strings.IndexByte(alphabet, good[93])|1])
	flipped := good[:60] + string(alphabet[strings.IndexByte(alphabet, good[60])^1]) + good[61:]
	for name, text := range map[string]string{
		"empty": "", "prefix": "rt_", "short": good[:93], "long": good + "A", "typo": flipped, "trailing bits": trailing, "padding": good[:93] + "=",
		"LF": good[:93] + "\n", "LF more": good + "\n", "CR": "rt_\r" + good[4:], "plus": "rt_+" + good[4:], "another prefix": "RT_" + good[3:], "blank": " " + good,
		"no session": auth.NewRefreshToken(tenant, uuid.Nil, family).Reveal(), "no tenant": auth.NewRefreshToken(uuid.Nil, session, family).Reveal(),
		"an API key": auth.NewAPIKey(tenant, session).Reveal(), "a JWT": "eyJhbGciOiJFUzI1NiJ9.e30.c2ln", "huge": strings.Repeat("rt_", 1<<20),
	} {
		token, err := auth.ParseRefreshToken(text)
		require.Error(t, err, name)
		assert.Zero(t, token, name)
		assert.EqualError(t, err, "the text is not a refresh token")
	}
}

// Neither type shows itself, by itself or as a part of something, however it is printed.
func TestOpaqueTokensAreRedacted(t *testing.T) {
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
		// The checksum made right, the fuzzer gets behind it.
		if len(text) >= 89 {
			if key, err := auth.ParseAPIKey(auth.WithChecksum("ak_" + text[3:89])); err == nil {
				require.Equal(t, "ak_"+text[3:89], key.Reveal()[:89])
				require.NotZero(t, key.TenantID())
			}
		}
	})
}

func FuzzParseRefreshToken(f *testing.F) {
	for _, seed := range []string{auth.NewRefreshToken(tenant, session, family).Reveal(), "", "rt_", "rt_" + strings.Repeat("A", 91), strings.Repeat("\n", 94)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if token, err := auth.ParseRefreshToken(text); err == nil {
			require.Equal(t, text, token.Reveal())
		}
	})
}
