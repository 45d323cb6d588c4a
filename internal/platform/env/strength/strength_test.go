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

func TestStrong(t *testing.T) {
	t.Parallel()
	assert.True(t, strength.Strong("9f86d081884c7d659a2feaa0c55ad015"))
	for _, weak := range []string{"", "9f86d081884c7d659a2feaa0c55ad01", strings.Repeat("ab", 20), "changeme-9f86d081884c7d659a2feaa0c55ad015"} {
		assert.False(t, strength.Strong(weak), weak)
	}
	assert.True(t, strength.Mixed("k9#mQ2vX"))
	assert.False(t, strength.Mixed("aaaaaaab"))
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
