package llm_test

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/llm"
)

func TestServerSentEvents(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 100_000)
	for stream, want := range map[string]string{
		"data: a\n\ndata:b\n\n":              "ab",
		"data: a\r\n\r\ndata:  b \r\n":       "ab",
		"event: x\nid: 1\n: c\ndata: a\n\n":  "a",
		"data: a":                            "a",
		"data: " + long + "\ndata: b\n":      long + "b",
		": " + long + "\ndata: b\n":          "b",
		"":                                   "",
		"\n\n":                               "",
		"database: a\n data: b\nDATA: c\nda": "",
		"data: a\ndata:\ndata: b\n":          "a",
		"data: a\ndata: [DONE]\ndata: b\n":   "a",
	} {
		got, err := io.ReadAll(llm.Events(strings.NewReader(stream)))
		require.NoError(t, err)
		assert.Equal(t, want, string(got), "%.40q", stream)
	}
}

func FuzzServerSentEvents(f *testing.F) {
	f.Add("data: a\n\ndata: b\n")
	f.Add(": x\r\nevent: y\r\ndata:")
	f.Fuzz(func(t *testing.T, stream string) {
		got, err := io.ReadAll(llm.Events(strings.NewReader(stream)))
		require.NoError(t, err)
		assert.NotContains(t, string(got), "\n")
		assert.LessOrEqual(t, len(got), len(stream))
	})
}

func TestCheckBaseURL(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"https://api.openai.com/v1":        "",
		"https://gateway.example.com:8443": "",
		"http://localhost:11434/v1":        "",
		"http://127.0.0.1:8000":            "",
		"http://[::1]:8000":                "",
		"http://[fd00::1]:8000":            "",
		"http://10.1.2.3/v1":               "",
		"http://169.254.1.1":               "",
		"http://vllm:8000/v1":              "",
		"http://VLLM.Internal./v1":         "",
		"http://models.local":              "",
		"http://a.localhost":               "",

		"http://api.openai.com/v1":     "must be https",
		"http://8.8.8.8":               "must be https",
		"http://internal.example.com":  "must be https",
		"http://evil.com?.internal":    "must be a URL",
		"https://user:s3cret@host/v1":  "must not have credentials",
		"https://key@host":             "must not have credentials",
		"https://host/v1?key=s3cret":   "must be a URL",
		"https://host/v1#s3cret":       "must be a URL",
		"api.openai.com/v1":            "must be a URL",
		"localhost:8000":               "must be a URL",
		"//host/v1":                    "must be a URL",
		"https:///v1":                  "must be a URL",
		"https://:443/v1":              "must be a URL",
		"ftp://host":                   "must be a URL",
		"https://ho st/v1":             "must be a URL",
		"":                             "must be a URL",
		"https://host/%zz":             "must be a URL",
		"file:///etc/passwd":           "must be a URL",
		"http://192.168.1.1.evil.com/": "must be https",
	} {
		got := llm.CheckBaseURL(text)
		if want == "" {
			assert.Empty(t, got, text)
			continue
		}
		assert.Contains(t, got, want, text)
		assert.NotContains(t, got, "s3cret", text)
	}
}
