package logging_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// Values of the standard library hold secrets under names that do not tell.
func TestPrivateValuesNeverShow(t *testing.T) {
	t.Parallel()
	_, edwards, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	cookie := http.Cookie{Name: "sid", Value: "hunter2"}
	link := &url.URL{Scheme: "https", User: url.UserPassword("ann", "hunter2"), Host: "h"}
	for name, c := range map[string]struct{ value, want any }{
		"ed25519":            {edwards, "[REDACTED]"},
		"ecdsa":              {curve, "[REDACTED]"},
		"key in a struct":    {&struct{ K ecdsa.PrivateKey }{*curve}, map[string]any{"K": "[REDACTED]"}},
		"key in a list":      {[]any{edwards}, []any{"[REDACTED]"}},
		"PEM":                {&pem.Block{Type: "PRIVATE KEY", Bytes: edwards}, "[REDACTED]\n"},
		"PEM certificate":    {&pem.Block{Type: "CERTIFICATE"}, "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"},
		"cookie":             {&cookie, "sid=[REDACTED]"},
		"cookie value":       {cookie, "sid=[REDACTED]"},
		"cookies":            {[]*http.Cookie{&cookie}, []any{"sid=[REDACTED]"}},
		"list of cookies":    {[]http.Cookie{cookie}, []any{"sid=[REDACTED]"}},
		"user":               {link.User, "ann:[REDACTED]"},
		"user, no password":  {url.User("ann"), "ann"},
		"user of a URL":      {link, "https://ann:[REDACTED]@h"},
		"URL in a struct":    {struct{ U *url.URL }{link}, map[string]any{"U": "https://ann:[REDACTED]@h"}},
		"key of a map":       {map[secretKey]int{{"ann", "hunter2"}: 1}, map[string]any{`{"User":"ann","Password":"[REDACTED]"}`: "[REDACTED]"}},
		"key that is a list": {map[[2]string]int{{"a", "Bearer hunter2"}: 1}, map[string]any{`["a","Bearer [REDACTED]"]`: "[REDACTED]"}},
		"form":               {url.Values{"access_token": {"hunter2"}, "page": {"2"}}, map[string]any{"access_token": "[REDACTED]", "page": []any{"2"}}},
		"headers":            {http.Header{"X-Api-Key": {"hunter2"}, "Via": {"Bearer hunter2"}}, map[string]any{"X-Api-Key": "[REDACTED]", "Via": []any{"Bearer [REDACTED]"}}},
	} {
		assert.Equal(t, c.want, logged(t, c.value), name)
	}
	text := fmt.Sprint(logged(t, map[*parts]int{{Name: "hunter2"}: 1}))
	assert.Regexp(t, `^map\[\*logging_test\.parts 0x[0-9a-f]+:1\]$`, text, "what a key points to is left out")
	assert.Equal(t, "!ERROR: panic: a map[string]interface {}", logged(t, panicCyclic{}))
	assert.Equal(t, "!ERROR: panic: 7", logged(t, panicking{7}))
	assert.Equal(t, "!ERROR: panic: text", logged(t, panicking{raw("text")}))
	assert.Equal(t, map[string]any{"password=[REDACTED]": "[REDACTED]"}, logged(t, map[error]int{errPassword: 1}))

	log, out := newLogger(t)
	log.Info(logging.Bind(t.Context(), logging.Any("key", edwards)), "e", logging.Any("again", edwards))
	assert.Equal(t, []any{"[REDACTED]", "[REDACTED]"}, []any{out.last(t)["key"], out.last(t)["again"]})
}
