package strength_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netrun-systems/go-service-template/internal/platform/env/strength"
)

func TestPlaceholder(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		"changeme", "CHANGE_ME", "please-change-me-now", "change this", "your-api-key-here", "YOUR_SECRET", "<token>", "[SECRET]", "${TOKEN}",
		"{{ token }}", "xxx", "sk-xxxxxxxx", "password", "Password123", "secret", "test", "test1", "example", "todo", "admin", "root1",
		"123456789", "qwertyuiop", "abcdefgh", "aaaaaaaa", "0000", "replace with real key", "postgres://app:password@db/app",
	} {
		assert.True(t, strength.Placeholder(value), value)
	}
	for _, value := range []string{
		"", "k9#mQ2vX!t7Lw4@cZ8rB5nYd3Jf6Ghs1", "9f86d081884c7d659a2feaa0c55ad015", "correct horse battery staple",
		"tester-of-things-9Q", "contested", "passwordless-9Kq",
	} {
		assert.False(t, strength.Placeholder(value), value)
	}
}

func TestHarmless(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"JWT_ACCESS_EXPIRATION_MINUTES=30", "FUNCTIONS_VERIFY_JWT=false", "CREDENTIAL_ROUNDS=12", "ALLOW_EMPTY_PASSWORD=yes",
		"SESSION_SECURE_COOKIE=false", "PASSWORD_MIN_LENGTH=8", "JWT_EXPIRES_IN=7d", "TOKEN_LIFETIME=5 minutes", "JWT_TTL=1h30m",
		"REQUIRE_TOKEN=ON", "AUTH_TOKEN_PREFIX=Bearer", "SESSION_COOKIE_SAMESITE=lax", "OAUTH_TOKEN_SCOPES=openid profile read:user",
		"COOKIE_SCHEME=https", "SALT_ROUNDS=10", "TOKEN_RATIO=0.5", "COOKIE_SIZE=4kb", "USE_SECRET=enabled",
	} {
		name, value, _ := strings.Cut(line, "=")
		assert.True(t, strength.Harmless(name, value), line)
		assert.False(t, strength.Suspect(name, value), line)
	}
	for _, line := range []string{
		"DB_PASSWORD=1234", "JWT_SECRET=30", "API_KEY_2=7", "PASSWORD_OLD=7d", "TOKEN=bearer", "BASIC_AUTH=admin:hunter", "PIN=1234",
		"JWT_SCOPE_SECRET=a:b", "KEY=none", "JWT=abc", "X=12345678901234567890", "OTHER=admin:hunter",
	} {
		name, value, _ := strings.Cut(line, "=")
		assert.False(t, strength.Harmless(name, value), line)
	}
}

func TestSuspect(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"FIELD_KEY=a", "APP_SALT=b", "ROOT_PW=c", "BOT_TOKEN=d", "fieldKey=a", "spring.app.key=a", "PEPPER=x", "STRIPE_KEY_LIVE=x", "KEY_1=x",
		"HASHIDS_SALT_OLD=x", "DBPASSWORD=x", "UNKNOWN=9f86d081884c7d659a2feaa0c55ad015", "PLAIN=dGhpcyBpcyBzZWNyZXQgdGV4dA==",
		"THING=sk_live_4eC39HqLyjWDarjtT1zdp7dc", "DB_PIN=4711",
	} {
		name, value, _ := strings.Cut(line, "=")
		assert.True(t, strength.Suspect(name, value), line)
	}
	for _, line := range []string{
		"KEYBOARD=qwerty", "MONKEY=x", "AUTHOR=Ada", "AUTH_JWT_PUBLIC_KEYS=x", "STRIPE_PUBLISHABLE_KEY=x", "API_KEY=", "KEY_FILE=/run/key",
		"AWS_ACCESS_KEY_ID=x", "BUCKET=my-service-production-eu-west-1-bucket-2", "ID=019b0000-0000-7000-8000-000000000001", "SPINNER=x",
		"URL=https://example.com/a/long/path/of/internationalization", "CLASS=com.example.MyApplicationConfig", "HOST=ip-10-0-0-1.eu-west-1.compute.internal",
	} {
		name, value, _ := strings.Cut(line, "=")
		assert.False(t, strength.Suspect(name, value), line)
	}
}

func TestOf(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"changeme": "changeme", "": "", "a=b": "a=b", "c2VjcmV0==": "c2VjcmV0==",
		"postgres://u:p%40ss@h/d": "p@ss", "postgres://u@h/d": "", "postgres://u:p@/d?host=/run": "p", "redis://:p@h": "p",
		"postgres://h/d?user=u&password=p": "p", "https://h": "", "postgres://u:%zz@h": "",
		"host=h password=p": "p", "password = p host=h": "p", `user=u password='p \'q\\'`: `p 'q\`, "host=h": "", "host=h password=": "",
		"dbname=d\tpassword=p": "p", "host=h xpassword=p": "",
		"-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----": "",
	} {
		secret, all := strength.Of(value)
		assert.Equal(t, want, secret, value)
		assert.Equal(t, want == value, all, value)
	}
}

func TestMixed(t *testing.T) {
	t.Parallel()
	assert.True(t, strength.Mixed("k9#mQ2vX"))
	assert.True(t, strength.Mixed("9f86d081884c7d659a2feaa0c55ad015"))
	assert.False(t, strength.Mixed("aaaaaaab"))
	assert.False(t, strength.Mixed(strings.Repeat("ab", 20)))
}

func ExamplePlaceholder() {
	fmt.Println(strength.Placeholder("your-key-here"), strength.Placeholder("9f86d081884c7d65"))
	// Output: true false
}

func BenchmarkPlaceholder(b *testing.B) {
	b.ReportAllocs()
	secret := strings.Repeat("k9#mQ2vX!t7Lw4@cZ8rB5nYd3Jf6Ghs1", 2)
	for b.Loop() {
		if strength.Placeholder(secret) {
			b.Fatal("it is none")
		}
	}
}

func TestWeak(t *testing.T) {
	t.Parallel()
	for secret, want := range map[string]bool{
		"hT4mQ9zL2xVb7KpW": false, "hT4mQ9zL2xVb7Kp": true, "abababababababababab": true, "": true, "äöüÄÖÜßéèêàâîôûç": false,
	} {
		assert.Equal(t, want, strength.Weak(secret), secret)
	}
}
