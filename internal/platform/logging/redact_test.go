package logging_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

const (
	jwt    = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	pemKey = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\nabc\n-----END RSA PRIVATE KEY-----"
)

func TestRedactCutsSecrets(t *testing.T) {
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
	} {
		assert.Equal(t, c[1], logging.Redact(c[0]))
		assert.Equal(t, c[1], logging.Redact(c[1]), "a second time")
	}
}

func TestRedactLeavesOrdinaryTextAlone(t *testing.T) {
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
		`"secrets:list"`, "[api_keys:read,api_keys:write notes:read]", "scope=\"api_keys:read\"", "secrets:* and",
	} {
		assert.Equal(t, text, logging.Redact(text))
	}
}

func TestLongTextIsCutAfterRedaction(t *testing.T) {
	t.Parallel()
	log, out := newLogger(t)
	long := strings.Repeat("x", 8<<10-30) + " postgres://u:hunter2hunter2hunter2@h/db " + strings.Repeat("é", 8<<10)
	log.Info(t.Context(), long, logging.String("s", long), logging.Any("b", []byte(long)))
	line := out.last(t)
	for _, key := range []string{"event", "s", "b"} {
		text := as[string](t, line[key])
		assert.NotContains(t, text, "hunter2")
		assert.LessOrEqual(t, len(text), 8<<10+64)
		assert.Contains(t, text, "…[truncated, ")
	}
}

func FuzzRedact(f *testing.F) {
	for _, seed := range []string{"password=a", "postgres://u:p@h", "Bearer x", jwt, pemKey, `{"token":"x"}`, "cookie: a=b; c",
		"authorization: digest x", "sk-ant-x", "[REDACTED]", "password=[REDACTED]]", "secret=[a(b]", "a=password=x&token: y",
		"Bearer =0", "BeArer Bearer=0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		once := logging.Redact(text)
		if twice := logging.Redact(once); twice != once {
			t.Errorf("%q becomes %q, then %q", text, once, twice)
		}
	})
}

// A secret that is planted in any of these ways never survives, whatever is around it.
func FuzzPlantedSecret(f *testing.F) {
	const secret = "Zq7Rk2Xw9Tn4Vb6Lm1Pd8Hs3Gc5Jf0Ya"
	carriers := []string{
		"password=%", "password: %", `"api_key":"%"`, "Bearer %", "Authorization: Basic %", "postgres://u:%@h/db", "sk-ant-%",
		"ghp_%", "ak_%%_abc123", "rt_%%", "token=%&a=b", "AWS_SECRET_ACCESS_KEY='%'", "Set-Cookie: sid=%", "client_secret = \"%\"",
		"-----BEGIN PRIVATE KEY-----\n%\n-----END PRIVATE KEY-----",
	}
	for i := range carriers {
		f.Add("before ", " after", uint(i))
	}
	core, out := newCore(f, logging.Options{})
	log := logging.New(core, "x")
	f.Fuzz(func(t *testing.T, before, after string, which uint) {
		if len(before)+len(after) > 4<<10 || !separated(before, after) {
			return
		}
		planted := before + strings.ReplaceAll(carriers[which%uint(len(carriers))], "%", secret) + after
		if shown := logging.Redact(planted); strings.Contains(shown, secret) {
			t.Errorf("%q shows the secret: %q", planted, shown)
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
			t.Errorf("the line shows the secret: %s", out.text())
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

// separated reports whether what is around a planted secret leaves it a word of its own, and opens no quote of another.
func separated(before, after string) bool {
	const marks = "'\"`\\[]{}()<>:=/@-_."
	return !strings.ContainsAny(before+after, marks) &&
		(before == "" || before[len(before)-1] == ' ') && (after == "" || after[0] == ' ')
}
