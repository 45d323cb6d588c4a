package logging_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

const (
	jwt    = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	pemKey = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\nabc\n-----END RSA PRIVATE KEY-----"
)

func TestRedactRemovesSecrets(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]string{
		{"sent Authorization: Bearer abc123 to it", "sent Authorization: [REDACTED] to it"},
		{"Bearer abc.def-ghi", "Bearer [REDACTED]"},
		{"bearer AbCdEf, then", "bearer [REDACTED], then"},
		{"Basic dXNlcjpwYXNz", "Basic [REDACTED]"},
		{"Authorization: Basic dXNlcjpwYXNz", "Authorization: [REDACTED]"},
		{"authorization=Token abc123 x", "authorization=[REDACTED] x"},
		{`Authorization: Digest username="u", response="r"` + "\nnext", "Authorization: [REDACTED]\nnext"},
		{"map[Authorization:[Bearer abc] Accept:[*/*]]", "map[Authorization:[REDACTED] Accept:[*/*]]"},
		{"Cookie: sid=1; theme=dark", "Cookie: [REDACTED]"},
		{"got " + jwt + ".", "got [REDACTED]"},
		{"key sk-abc123def456 is bad", "key [REDACTED] is bad"},
		{"sk-ant-api03-secret", "[REDACTED]"},
		{"sk-proj-abcdefgh and ghp_0123456789abcdef", "[REDACTED] and [REDACTED]"},
		{"AKIAIOSFODNN7EXAMPLE1 xoxb-1234567", "[REDACTED] [REDACTED]"},
		{"key ak_0123456789abcdefghijABCDEFGHIJ0123456789abcdefghij_a1B2c3 refused", "key [REDACTED] refused"},
		{"rt_0123456789abcdefghijABCDEFGHIJ-_0123456789abcdefghij", "[REDACTED]"},
		{"?sig=abc&se=1", "?sig=[REDACTED]&se=1"},
		{"AccountKey=abc==;EndpointSuffix=x", "AccountKey=[REDACTED];EndpointSuffix=x"},
		{"PGPASSWORD=hunter2 psql", "PGPASSWORD=[REDACTED] psql"},
		{`{"cookies":["a=b"],"n":1}`, `{"cookies":[REDACTED],"n":1}`},
		{"Set-Cookie:sid=abc; HttpOnly", "Set-Cookie:[REDACTED]"},
		{"mongodb+srv://u:p@h/x", "mongodb+srv://u:[REDACTED]@h/x"},
		{"https://ann:" + jwt + "@h", "https://ann:[REDACTED]@h"},
		{"GET /v1?key=ak_" + strings.Repeat("0aB", 20) + " 200", "GET /v1?key=[REDACTED] 200"},
		{"key:\n" + pemKey + "\nend", "key:\n[REDACTED]\nend"},
		{"-----BEGIN PRIVATE KEY-----\nMIIE", "[REDACTED]"},
		{"dial postgres://app:s3cret@db:5432/app failed", "dial postgres://app:[REDACTED]@db:5432/app failed"},
		{"postgres://u:p@ss@h/db", "postgres://u:[REDACTED]@h/db"},
		{"postgres://u:p/a?s#s@h/db", "postgres://u:[REDACTED]@h/db"},
		{"redis://:hunter2@cache:6379", "redis://:[REDACTED]@cache:6379"},
		{"https://u:p@host/x@y", "https://u:[REDACTED]@host/x@y"},
		{"https://u:p/q@host/", "https://u:[REDACTED]@host/"},
		{"'postgres://u:p@h' and 'b@c'", "'postgres://u:[REDACTED]@h' and 'b@c'"},
		{"host=h password=hunter2 user=u", "host=h password=[REDACTED] user=u"},
		{"password='hun ter\\'2' user=u", "password='[REDACTED]' user=u"},
		{"password = hunter2", "password = [REDACTED]"},
		{"password=p;s,s user=u", "password=[REDACTED] user=u"},
		{"Server=s;Password=hunter2;Database=d", "Server=s;Password=[REDACTED];Database=d"},
		{"?access_token=abc&page=2", "?access_token=[REDACTED]&page=2"},
		{`{"password":"hun\"ter2","user":"u"}`, `{"password":"[REDACTED]","user":"u"}`},
		{`{\"api_key\":\"abc\",\"x\":1}`, `{\"api_key\":\"[REDACTED]\",\"x\":1}`},
		{"{Name:ann Password:hunter2}", "{Name:ann Password:[REDACTED]}"},
		{"password: hunter2", "password: [REDACTED]"},
		{"password: swordfish", "password: [REDACTED]"},
		{"bad password: swordfish, user: bob", "bad password: [REDACTED], user: bob"},
		{"the API key: abc123 is bad", "the API key: [REDACTED] is bad"},
		{"private_key: " + pemKey + " tail", "private_key: [REDACTED] tail"},
		{"X-API-Key: abcdef", "X-API-Key: [REDACTED]"},
		{"token=>abc", "token=>[REDACTED]"},
		{`password="unfinished`, `password="[REDACTED]`},
		{"secret: [a, b", "secret: [REDACTED]"},
		{"api_key:hunter2", "api_key:[REDACTED]"},
		{"api_key: sk-abc", "api_key: [REDACTED]"},
		{"api_key:read", "api_key:[REDACTED]"},     // one key, not a kind of resource
		{"pass:read", "pass:[REDACTED]"},           // nor is this a plural
		{"api_keys: read", "api_keys: [REDACTED]"}, // a list with a blank before it, as in YAML
		{"api_keys=read", "api_keys=[REDACTED]"},   // an assignment
		{`{"api_keys":"read"}`, `{"api_keys":"[REDACTED]"}`},
		{"api_keys:read-a1b2c3", "api_keys:[REDACTED]"},
		{"api_keys:read,hunter2", "api_keys:[REDACTED]"},
		{"api_keys:Read", "api_keys:[REDACTED]"},

		// percent-encoded names, separators and values
		{"GET /x?api%5Fkey=hunter2&a=1", "GET /x?api%5Fkey=[REDACTED]&a=1"},
		{"?q=a%26password%3Dhunter2&b=c", "?q=a%26password%3D[REDACTED]&b=c"},
		{"?%70assword=hunter2", "?%70assword=[REDACTED]"},
		{"?next=%2Fx%3Ftoken%3dhunter2%26a%3D1", "?next=%2Fx%3Ftoken%3d[REDACTED]%26a%3D1"},
		{"next=%252Fx%253Ftoken%253Dhunter2", "next=%252Fx%253Ftoken%253D[REDACTED]"},
		{"Bearer%20" + jwt, "Bearer%20[REDACTED]"},
		{"h=Bearer%20abc.def", "h=Bearer%20[REDACTED]"},
		{"q=x%20ghp_0123456789abcdef", "q=x%20[REDACTED]"},
		{"q=sk%2Dproj%2Dabcdefgh", "q=[REDACTED]"},
		{"u=postgres%3A%2F%2Fapp%3Ahunter2%40db%2Fapp", "u=postgres%3A%2F%2Fapp%3A[REDACTED]%40db%2Fapp"},
		{"%7B%22password%22%3A%22hunter2%22%7D", "%7B%22password%22%3A%22[REDACTED]%22%7D"},

		// DSNs without a scheme
		{"dial root:hunter2@tcp(db:3306)/app?x=y", "dial root:[REDACTED]@tcp(db:3306)/app?x=y"},
		{"root:hun:ter@2@unix(/tmp/mysql.sock)/db", "root:[REDACTED]@unix(/tmp/mysql.sock)/db"},
		{"root:hunter2@/db", "root:[REDACTED]@/db"},
		{"dsn is app:hunter2@db:5432, refused", "dsn is app:[REDACTED]@db:5432, refused"},
		{"app:hunter2@db/app", "app:[REDACTED]@db/app"},
		{"user:hunter2@[::1]/app", "user:hunter2@[::1]/app"}, // not a form of any driver

		// secrets in paths
		{"https://api.telegram.org/bot123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/getMe", "https://api.telegram.org/bot[REDACTED]/getMe"},
		{"bot token is 123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw.", "bot token is [REDACTED]."},
		{`Post "https://hooks.slack.com/services/T02AB/B03CD/abcdefghijklmnopqrstuvwx": EOF`, `Post "https://hooks.slack.com/services/[REDACTED]": EOF`},
		{"hooks.slack.com/workflows/T02AB/A03/123/a1b2c3d4e5f6g7h8i9", "hooks.slack.com/workflows/[REDACTED]"},
		{"https://discord.com/api/webhooks/123456789012345678/aB3dE6gH9jK2mN5p-Qs_8uVw?wait=true", "https://discord.com/api/webhooks/[REDACTED]?wait=true"},
		{"https://x.webhook.office.com/webhookb2/0198c5a4-7a65-7c3e-9d2b-1f6e8a0b4c5d@0198c5a4-7a65-7c3e-9d2b-1f6e8a0b4c5d/IncomingWebhook/0123456789abcdef0123456789abcdef/x",
			"https://x.webhook.office.com/webhookb2/[REDACTED]"},
		{"https://hooks.zapier.com/hooks/catch/1234567/a1b2c3d4e5f6a7b8/", "https://hooks.zapier.com/hooks/[REDACTED]"},
		{"https://chat.example.com/hooks/9ux3kr4t5jyy8n1zqg6s7d2w3e", "https://chat.example.com/hooks/[REDACTED]"},
		{"maker.ifttt.com/trigger/x/with/key/b7Kd9-fQ2mN5pRs8uVwX", "maker.ifttt.com/trigger/x/with/key/[REDACTED]"},

		// SQL and command lines
		{"ALTER ROLE app WITH ENCRYPTED PASSWORD 'hunter2' LOGIN", "ALTER ROLE app WITH ENCRYPTED PASSWORD '[REDACTED]' LOGIN"},
		{"create user app identified by 'hunter2'", "create user app identified by '[REDACTED]'"},
		{`CREATE USER a IDENTIFIED WITH mysql_native_password BY 'hun\'ter2'`, "CREATE USER a IDENTIFIED WITH mysql_native_password BY '[REDACTED]'"},
		{"options (user 'u', password 'hunter2')", "options (user 'u', password '[REDACTED]')"},
		{"run --password hunter2 --host h", "run --password [REDACTED] --host h"},
		{`run --api-key "hun ter2" x`, `run --api-key "[REDACTED]" x`},
		{"run -token hunter2", "run -token [REDACTED]"},
		{"run --client-secret=hunter2", "run --client-secret=[REDACTED]"},
		{"curl -u ann:hunter2 http://h", "curl -u ann:[REDACTED] http://h"},
		{"curl --user ann:hunter2 http://h", "curl --user ann:[REDACTED] http://h"},
		{"mysql -u root -phunter2 db", "mysql -u root -p[REDACTED] db"},
		{"redis-cli -h h -a hunter2 ping", "redis-cli -h h -a [REDACTED] ping"},
		{"sshpass -p hunter2 ssh h", "sshpass -p [REDACTED] ssh h"},
		{"Key (reset_token)=(hunter2) already exists.", "Key (reset_token)=([REDACTED]) already exists."},
		{"Key (tenant_id, lower(api_key))=(1, hun)ter2) is not present in table", "Key (tenant_id, lower(api_key))=([REDACTED]) is not present in table"},
		{"Failing row contains (1, hunter2, (a)).", "Failing row contains ([REDACTED])."},
		{"secret_id=hunter2 role_id=x", "secret_id=[REDACTED] role_id=x"},
		{`{"secretId":"hunter2"}`, `{"secretId":"[REDACTED]"}`},
		{"cvv=123 otp=123 pin_token=1", "cvv=[REDACTED] otp=[REDACTED] pin_token=[REDACTED]"},
	} {
		assert.Equal(t, c[1], logging.Redact(c[0]))
		assert.Equal(t, c[1], logging.Redact(c[1]), "a second time")
	}
}

func TestRedactKeepsOrdinaryText(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "note_created", "/v1/notes/:id", "12:30:45", "read the note: select 3 rows: EOF",
		"verify the token: not found", "verify token: token is expired", "refresh token: EOF", "bearer token required",
		`Bearer realm="api", error="invalid_token"`, "Basic information", "Basic authentication is off",
		"sk-SK", "task-force-one", "task_id", "whisk-broom", "sort_key=title", "tokens_used=15", "token_type=Bearer",
		"0198c5a4-7a65-7c3e-9d2b-1f6e8a0b4c5d", "https://host:8080/users/@me", "https://[::1]:8080/@me", "http://host/a",
		"postgres://app@db/app", "mail ann@example.com", "token.go:12 called", "password:", "password: ", "cookie: missing value",
		"eyJhbGciOiJIUzI1NiJ9", "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----", "a = b", "==", ":", "://", "-", "J",
		"ak_" + strings.Repeat("a", 39), "rt_" + strings.Repeat("a", 39), "break_" + strings.Repeat("a", 40), "key_id=abc", "author: ann",
		"keyboard: x", "primary_key=id", "sort_key: x", "tokens_used: 5", "token_type: bearer", "part_of_it", "sk_test",
		"password=", `password=""`, "5 keys: a, b", "sk-learn-kit", "DB_PASSWORD: required", "AUTH_JWT_PRIVATE_KEY: is missing", "password: required",
		"AUTH_JWT_PRIVATE_KEY: holds no RSA, ECDSA or Ed25519 private key", "api_keys:read", "needs api_keys:write, api_keys:read.",
		"/v1/notes?q=100%25&cursor=a%2Fb%3Dc", "%zz%4", "rate 100%", "%E2%82%AC", "/v1/services/0198c5a4-7a65-7c3e-9d2b-1f6e8a0b4c5d",
		"/hooks/useEffect", "internal/services/notification_service.go:12", "/v1/webhooks/1234567890123456789", "key/value",
		"mailto:ann@example.com", "from:ann@example.com.", "image app:v1@sha256:9f86d081884c7d659a2feaa0c55ad015 pulled", "git@github.com:a/b",
		"12:30@noon", "https://host:8080/@me/x", "Key (email)=(ann@example.com) already exists.", "f(x)=(y)", "row (1, 2)", "contains (a)",
		"password authentication failed for user \"api\"", "DATABASE_URL: password authentication failed for user \"api\" (check the password)",
		"secret db-password: status 503", "secret jwt-key: status 403 (SecretDisabled)", "AUTH_JWT_PRIVATE_KEY: contains no PEM block",
		"API_TOKEN: expected a JSON Web Token", "OPENAI_API_KEY: looks like a placeholder", "--password must be set", "--token-file a.txt",
		"flag needs an argument: --password", "docker run -u app:1000", "unexpected token \"x\" at 7", "secret \"db\" not found", "-p 8080:80",
		"JWT_ACCESS_EXPIRATION_MINUTES=30", "FUNCTIONS_VERIFY_JWT=false", "CREDENTIAL_ROUNDS=12", "ALLOW_EMPTY_PASSWORD=yes",
		"SESSION_SECURE_COOKIE=false", "JWT_TTL=15m", "TOKEN_GRACE=30d", "password: true", `{"use_jwt":true,"token":7}`, "auth_token=Bearer",
		"token: \"notes:read notes:write\"", "OAUTH_TOKEN=\"openid profile\"", "--use-token false", "secret=null",
		`"secrets:list"`, "[api_keys:read,api_keys:write notes:read]", "scope=\"api_keys:read\"", "secrets:* and",
	} {
		assert.Equal(t, text, logging.Redact(text))
	}
}

func TestLongTextIsCutAfterRedaction(t *testing.T) {
	t.Parallel()
	log, out := newLogger(t)
	long := strings.Repeat("x", 4000-30) + " postgres://u:hunter2hunter2hunter2@h/db " + strings.Repeat("é", 8<<10)
	log.Info(t.Context(), long, logging.String("s", long), logging.Any("b", []byte(long)))
	line := out.last(t)
	for _, key := range []string{"event", "s", "b"} {
		text := as[string](t, line[key])
		assert.NotContains(t, text, "hunter2")
		assert.LessOrEqual(t, len(text), 4000+64)
		assert.Contains(t, text, "…[truncated, ")
	}
}

// Redaction makes the text that was read shorter than the limit of a string. What follows is dropped
// nevertheless, and at the end of the part that was read a secret is not recognized.
func TestLongTextIsCutWhereRedactionShortensIt(t *testing.T) {
	t.Parallel()
	log, out := newLogger(t)
	const read = 4000 + 1<<10
	key := "-----BEGIN PRIVATE KEY-----\n" + strings.Repeat("MIIEvQIBADANBgkqhkiG\n", 80) + "-----END PRIVATE KEY-----\n"
	dsn := "postgres://u:hunter2hunter2hunter2@h/db"
	for shift := range len(dsn) {
		long := key + strings.Repeat("x", read-len(key)-shift-1) + " " + dsn + strings.Repeat(" y", 4<<10)
		log.Info(t.Context(), "long", logging.String("s", long))
		text := as[string](t, out.last(t)["s"])
		require.NotContains(t, text, "hunter2", "%d", shift)
		require.True(t, strings.HasSuffix(text, fmt.Sprintf("x…[truncated, %d bytes]", len(long))), "%d", shift)
	}
}

// What short secrets are replaced by is longer than they are, so that fewer bytes of the text were
// read after a cut than the redacted text has.
func TestLongTextIsCutWithContextForSecrets(t *testing.T) {
	t.Parallel()
	log, out := newLogger(t)
	key := "-----BEGIN PRIVATE KEY-----\n" + strings.Repeat("MIIEvQIBADANBgkqhkiG\n", 80) + "-----END PRIVATE KEY-----\n"
	const read, limit = 4000 + 1<<10, 4000
	short := strings.Repeat(" pw=x", 1+read/5)
	long := key + strings.Repeat("x", limit-100-len(key)) + short
	log.Info(t.Context(), "long", logging.String("s", long))
	text := as[string](t, out.last(t)["s"])
	require.LessOrEqual(t, strings.Count(text, "[REDACTED]"), 1+100/5)
	require.True(t, strings.HasSuffix(text, fmt.Sprintf("…[truncated, %d bytes]", len(long))), text)

	for shift := range 3 {
		log.Info(t.Context(), "long", logging.String("s", key+strings.Repeat("x", shift)+strings.Repeat("€", 4<<10)))
		require.NotContains(t, as[string](t, out.last(t)["s"]), "\ufffd", "a character is not cut in two")
	}
}

func TestLongNamesAreCutAfterRedaction(t *testing.T) {
	t.Parallel()
	log, out := newLogger(t)
	const dsn = "postgres://u:hunter2hunter2hunter2@h/db"
	for shift := range len(dsn) {
		for _, rest := range []string{"", strings.Repeat(" y", 4<<10)} {
			name := strings.Repeat("x", 128-shift-1) + " " + dsn + rest
			log.Info(t.Context(), "long", logging.Int(name, 1), logging.Any("map", map[string]int{name: 1}))
			line := out.text()
			require.NotContains(t, line, "hunter2", "%d", shift)
			require.Contains(t, line, "…", "%d", shift)
		}
	}
}

func FuzzRedact(f *testing.F) {
	for _, seed := range []string{"password=a", "postgres://u:p@h", "Bearer x", jwt, pemKey, `{"token":"x"}`, "cookie: a=b; c",
		"authorization: digest x", "sk-ant-x", "[REDACTED]", "password=[REDACTED]]", "secret=[a(b]", "a=password=x&token: y",
		"Bearer =0", "BeArer Bearer=0", "api%5Fkey=x", "%2570assword%253Dx", "root:x@tcp(h)/db", "/services/T0/B0/a1b2c3d4e5f6g7h8",
		"123456:" + strings.Repeat("Aa1", 12), "--password x", "Key (token)=(x) already exists", "mysql -px", "row contains (x)"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		once := logging.Redact(text)
		if twice := logging.Redact(once); twice != once {
			t.Errorf("%q becomes %q, then %q", text, once, twice)
		}
		if i := logging.MissedAt(text); i >= 0 {
			t.Errorf("the byte %d of %q is next to a secret", i, text)
		}
	})
}

// A secret in any of these templates is redacted, whatever is around it.
func FuzzPlantedSecret(f *testing.F) {
	const secret = "Zq7Rk2Xw9Tn4Vb6Lm1Pd8Hs3Gc5Jf0Ya"
	templates := []string{
		"password=%", "password: %", `"api_key":"%"`, "Bearer %", "Authorization: Basic %", "postgres://u:%@h/db", "sk-ant-%",
		"ghp_%", "ak_%%_abc123", "rt_%%", "token=%&a=b", "AWS_SECRET_ACCESS_KEY='%'", "Set-Cookie: sid=%", "client_secret = \"%\"",
		"-----BEGIN PRIVATE KEY-----\n%\n-----END PRIVATE KEY-----", "root:%@tcp(h)/db", "--password %", "PASSWORD '%'",
		"identified by '%'", "Key (reset_token)=(%) already exists", "hooks.slack.com/services/T0/B0/%", "curl -u a:%",
	}
	for i := range templates {
		f.Add("before ", " after", uint(i))
	}
	core, out := newCore(f, logging.Options{})
	log := logging.New(core, "x")
	f.Fuzz(func(t *testing.T, before, after string, which uint) {
		if len(before)+len(after) > 4<<10 || !separated(before, after) {
			return
		}
		planted := before + strings.ReplaceAll(templates[which%uint(len(templates))], "%", secret) + after
		if redacted := logging.Redact(planted); strings.Contains(redacted, secret) {
			t.Errorf("Redact(%q) = %q holds the secret", planted, redacted)
		}
		out.reset()
		log.Info(t.Context(), planted, logging.String("text", planted), logging.Any("nested", map[string]any{
			"list": []any{planted, map[string]string{"password": secret, before: planted}}, "clientSecret": secret,
			"header": http.Header{"Authorization": {secret}, "Via": {planted}}, "form": url.Values{"api_key": {secret}, "q": {planted}},
			"struct": &struct{ Password, Text string }{secret, planted}, "error": fmt.Errorf("%s: %w", before, errors.Sentinel(planted)),
			"json": asJSON(t, map[string]any{"token": secret, "text": planted}), "cookie": &http.Cookie{Name: "a", Value: secret},
			"url": &url.URL{Scheme: "https", User: url.UserPassword("u", secret), Host: "h"}, "bytes": []byte(planted),
		}), logging.Any("s", logging.Secret(secret)))
		if strings.Contains(out.text(), secret) {
			t.Errorf("the line holds the secret: %s", out.text())
		}
	})
}

func asJSON(t *testing.T, v any) json.RawMessage {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// separated reports whether before and after leave the secret a word of its own and open no quote.
func separated(before, after string) bool {
	const marks = "'\"`\\[]{}()<>:=/@-_."
	return !strings.ContainsAny(before+after, marks) &&
		(before == "" || before[len(before)-1] == ' ') && (after == "" || after[0] == ' ')
}
