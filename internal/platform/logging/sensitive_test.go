package logging_test

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

func TestNamesAreSensitiveByWord(t *testing.T) {
	t.Parallel()
	log, out := newLogger(t)
	for name := range strings.FieldsSeq(`password Password PASSWORD user_password db_password dbpassword DBPassword password2
		passwd pwd passphrase secret client_secret clientSecret token access_token accessToken refresh-token id.token
		X-Auth-Token authtoken Authorization authorization Proxy-Authorization cookie Cookie Set-Cookie set-cookie api_key
		apiKey APIKey apikey X-API-Key x-api-key OPENAI_API_KEY private_key privateKey private_key_pem signing_key
		account_key encryption_key dsn database_dsn connection_string connectionString credentials jwt basic_auth
		password_hash secret_value secret_id secretId vault_secret_id db_pw access_tokens api_keys otp public_token publicSecret jwt_public`) {
		log.Info(context.Background(), "e", logging.String(name, "hunter2"))
		assert.Equal(t, "[REDACTED]", out.last(t)[name], name)
	}
	for name := range strings.FieldsSeq(`tokens_used tokens_input tokens_output tokensUsed total_tokens max_tokens token_type
		tokenType token_count token_expires_at author authority auth_method keyboard key key_count sort_key primary_key
		public_key key_id keyId idempotency_key monkey secretary password_length password_changed_at cookie_name api_key_id passenger
		tokenizer compass bypass session_id AUTH_COOKIE_MODE jwt_leeway token_lifetime session_cookie_timeout jwt_public_keys
		AUTH_JWT_PUBLIC_KEYS jwt_algorithms JWT_ACCESS_EXPIRATION_MINUTES CREDENTIAL_ROUNDS`) {
		log.Info(context.Background(), "e", logging.String(name, "hunter2"))
		assert.Equal(t, "hunter2", out.last(t)[name], name)
	}
}

func TestHarmlessValuesAreShownUnderAnyName(t *testing.T) {
	t.Parallel()
	for _, value := range []any{true, false, 0, 30, uint8(7), int64(-5), 15 * time.Minute, "true", "No", "off", "12", "720h", "1m30s", "30d",
		"Bearer", "https", "openid email", "notes:read,notes:write", "null"} {
		log, out := newLogger(t)
		log.Info(t.Context(), "e", logging.Any("password", value), logging.Any("m", map[string]any{"token": value}),
			logging.Any("s", struct{ Secret any }{value}))
		line := out.last(t)
		assert.NotContains(t, out.text(), "[REDACTED]", value)
		assert.Equal(t, line["password"], as[map[string]any](t, line["m"])["token"], value)
		assert.Equal(t, line["password"], as[map[string]any](t, line["s"])["Secret"], value)
	}
	log, out := newLogger(t)
	log.Info(t.Context(), "e", logging.Bool("use_jwt", true), logging.Int("token", 12), logging.Duration("token", time.Second),
		logging.String("token", "yes"), logging.Int("password", 999))
	assert.NotContains(t, out.text(), "[REDACTED]")
	for _, value := range []any{"", "hunter2", "truest", "1234", 1234, -1234, uint(1 << 20), 1.5, []string{"true"}, []bool{true}, logging.Secret("true"),
		"read", "a:b", "notes:read,hunter2", "15x", "12 34", nil, []byte("12")} {
		log, out := newLogger(t)
		log.Info(t.Context(), "e", logging.Any("password", value))
		assert.Equal(t, "[REDACTED]", out.last(t)["password"], value)
	}
	log.Info(t.Context(), "e", logging.Int("cvv", 123), logging.String("otp_token", "123"), logging.Any("card", map[string]int{"cvc": 123}))
	line := out.last(t)
	assert.Equal(t, []any{"[REDACTED]", "[REDACTED]", map[string]any{"cvc": "[REDACTED]"}}, []any{line["cvv"], line["otp_token"], line["card"]})
}

func TestRedactionReachesEveryDepth(t *testing.T) {
	t.Parallel()
	type inner struct {
		Pass   string `json:"password"`
		APIKey string
		Hidden string `json:"h" log:"x"`
		Name   string `json:"name"`
	}
	type embedded struct{ ClientSecret string }
	type outer struct {
		embedded
		Inner  *inner
		List   []inner
		Header map[string][]string
		Tokens map[string]any `json:"tokens"`
		Secret logging.Secret
	}
	in := inner{Pass: "hunter2", APIKey: "hunter2", Name: "ann"}
	v := outer{
		embedded: embedded{"hunter2"}, Inner: &in, List: []inner{in, in}, Secret: "hunter2",
		Header: map[string][]string{"Authorization": {"hunter2"}, "Set-Cookie": {"a=hunter2"}, "Accept": {"*/*"}},
		Tokens: map[string]any{"access_token": "hunter2", "token_type": "Bearer", "deep": []any{map[string]any{"pwd": "hunter2"}}},
	}
	log, out := newLogger(t)
	log.Info(context.Background(), "e", logging.Any("v", v), logging.Any("p", &v))
	line := out.last(t)
	assert.NotContains(t, out.text(), "hunter2")
	got := as[map[string]any](t, line["v"])
	assert.Equal(t, line["v"], line["p"])
	assert.Equal(t, "ann", as[map[string]any](t, got["Inner"])["name"])
	assert.Equal(t, "[REDACTED]", got["ClientSecret"])
	assert.Equal(t, "Bearer", as[map[string]any](t, got["tokens"])["token_type"])
	assert.Equal(t, []any{"*/*"}, as[map[string]any](t, got["Header"])["Accept"])
}

func TestSecretIsNeverPrinted(t *testing.T) {
	t.Parallel()
	const value = "hunter2"
	s := logging.Secret(value)
	type config struct{ S, Empty logging.Secret }
	holder := config{S: s}
	var shown strings.Builder
	for _, verb := range strings.Split("v +v #v s q x X d o b c e f g t U 10s -3q", " ") {
		fmt.Fprintf(&shown, "%"+verb+" %"+verb+" %"+verb+"\n", s, &s, holder)
	}
	asJSON, err := json.Marshal(holder)
	require.NoError(t, err)
	asXML, err := xml.Marshal(holder)
	require.NoError(t, err)
	slog.New(slog.NewTextHandler(&shown, nil)).Info("x", "s", s, "holder", holder)
	log, out := newLogger(t)
	log.Info(t.Context(), "e", logging.Any("s", s), logging.Any("p", &s), logging.Any("h", holder))
	all := shown.String() + string(asJSON) + string(asXML) + out.text() + fmt.Sprint(s) + s.String()
	assert.NotContains(t, all, value)
	assert.NotContains(t, all, fmt.Sprintf("%x", value))
	assert.JSONEq(t, `{"S":"[REDACTED]","Empty":"[REDACTED]"}`, string(asJSON))
	assert.Equal(t, "[REDACTED]", out.last(t)["p"])
}

func TestSecretReveals(t *testing.T) {
	t.Parallel()
	var holder struct{ S logging.Secret }
	assert.True(t, holder.S.IsZero())
	require.NoError(t, json.Unmarshal([]byte(`{"S":"hunter2"}`), &holder))
	assert.Equal(t, "hunter2", holder.S.Reveal())
	assert.False(t, holder.S.IsZero())
}
