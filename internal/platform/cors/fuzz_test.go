package cors

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// An allowed origin is one of the configured domain by another parser, too.
func FuzzOrigin(f *testing.F) {
	for _, origin := range append(malformed, "https://a.test", "https://x.a.test", "http://localhost:3000", "https://pr-1.b.test", "null") {
		f.Add(origin)
	}
	p := compiled(f, custom, `CORS_ORIGINS=https://a.test,https://*.a.test,http://localhost:*,re:https://pr-[0-9]+\.b\.test`)
	f.Fuzz(func(t *testing.T, text string) {
		if p.refuse(text) != nil {
			return
		}
		u, err := url.Parse(text)
		if !assert.NoError(t, err) {
			return
		}
		assert.Equal(t, text, u.Scheme+"://"+u.Host)
		assert.Equal(t, text, strings.ToLower(text))
		host := u.Hostname()
		switch u.Scheme {
		case "http":
			assert.Equal(t, "localhost", host)
		case "https":
			assert.Empty(t, u.Port())
			assert.True(t, host == "a.test" || strings.HasSuffix(host, ".a.test") || strings.HasSuffix(host, ".b.test"), host)
		default:
			t.Errorf("scheme %s", u.Scheme)
		}
	})
}

// A valid pattern never matches the origin of somebody else, and its own origin at all times.
func FuzzPattern(f *testing.F) {
	for _, text := range append(malformed, "*", "https://*.a.test", "http://localhost:*", `re:https://pr-[0-9]+\.a\.test`, `re:https://(a|b)\.test`, `re:https://[]|.]`) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		cfg := Config{Preset: "custom", Origins: []string{text}}
		p, problems := policyOf(cfg)
		if len(problems) > 0 || text == "*" {
			return
		}
		if o, ok := parseOrigin(text); ok {
			assert.Nil(t, p.refuse(o.text()), "%q", text)
		}
		for _, origin := range []string{"https://stranger.invalid", "https://a.test.stranger.invalid", "http://localhost.stranger.invalid:3000"} {
			if !strings.Contains(text, "invalid") && !strings.HasPrefix(text, "re:") {
				assert.NotNil(t, p.refuse(origin), "%q matches %s", text, origin)
			}
		}
		assert.NotNil(t, p.refuse("null"))
	})
}

func (o origin) text() string {
	if o.port == "" {
		return o.scheme + "://" + o.host
	}
	return o.scheme + "://" + o.host + ":" + o.port
}

// Whatever the lines are, each allowed name is in the list, and the work is bounded.
func FuzzRequestHeaders(f *testing.F) {
	for _, line := range []string{"", "authorization", "Content-Type,\tauthorization ", ",,,", "x-evil", "content-type;q=1", strings.Repeat(",", 9000)} {
		f.Add(line, line)
	}
	p := compiled(f, "CORS_ALLOW_HEADERS=Authorization,Content-Type")
	f.Fuzz(func(t *testing.T, first, second string) {
		allowed := p.allowsHeaders([]string{first, second})
		want := len(first)+len(second)+2 <= 8<<10
		for name := range strings.SplitSeq(first+","+second, ",") {
			switch strings.ToLower(strings.Trim(name, " \t")) {
			case "", "authorization", "content-type":
			default:
				want = false
			}
		}
		assert.Equal(t, want, allowed)
	})
}
