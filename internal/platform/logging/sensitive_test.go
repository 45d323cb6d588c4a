package logging_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

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
		password_hash secret_value access_tokens api_keys otp public_token publicSecret jwt_public`) {
		log.Info(context.Background(), "e", logging.String(name, "hunter2"))
		assert.Equal(t, "[REDACTED]", out.last(t)[name], name)
	}
	for name := range strings.FieldsSeq(`tokens_used tokens_input tokens_output tokensUsed total_tokens max_tokens token_type
		tokenType token_count token_expires_at author authority auth_method keyboard key key_count sort_key primary_key
		public_key key_id keyId idempotency_key monkey secretary password_length password_changed_at cookie_name api_key_id passenger
		tokenizer compass bypass session_id AUTH_COOKIE_MODE jwt_leeway token_lifetime session_cookie_timeout jwt_public_keys
		AUTH_JWT_PUBLIC_KEYS jwt_algorithms`) {
		log.Info(context.Background(), "e", logging.String(name, "hunter2"))
		assert.Equal(t, "hunter2", out.last(t)[name], name)
	}
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
