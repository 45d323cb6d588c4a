package cors

import (
	"context"
	"encoding/json"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// load reads a Config from variables, as the service does.
func load(variables ...string) (Config, error) {
	values := map[string]string{}
	for _, v := range variables {
		name, value, _ := strings.Cut(v, "=")
		values[name] = value
	}
	lookup := func(name string) (string, bool) { value, ok := values[name]; return value, ok }
	none := func(string) ([]byte, error) { return nil, fs.ErrNotExist }
	cfg, _, err := config.Load[Config](context.Background(), config.Options{Lookup: lookup, ReadFile: none})
	if err != nil {
		return Config{}, err
	}
	return *cfg, nil
}

func mustLoad(t testing.TB, variables ...string) Config {
	t.Helper()
	cfg, err := load(variables...)
	require.NoError(t, err)
	return cfg
}

func compiled(t testing.TB, variables ...string) *policy {
	t.Helper()
	cfg := mustLoad(t, variables...)
	p, problems := policyOf(cfg)
	require.Empty(t, problems)
	return p
}

// policyOf returns the policy of cfg and its problems.
func policyOf(cfg Config) (p *policy, problems []errors.FieldError) {
	p = cfg.policy(func(variable, rule, message string) {
		problems = append(problems, errors.FieldError{Field: variable, Rule: rule, Message: message})
	})
	return p, problems
}

// browsers is a service with a policy.
type browsers struct {
	*echo.Echo
	cors *CORS
	logs *strings.Builder
}

func serve(t testing.TB, level string, variables ...string) browsers {
	t.Helper()
	logs := &strings.Builder{}
	core, err := logging.NewCore(logging.Options{Output: logs, Level: level})
	require.NoError(t, err)
	c, err := New(mustLoad(t, variables...), logging.New(core, "test"))
	require.NoError(t, err)
	b := browsers{echo.New(), c, logs}
	b.Use(c.Middleware)
	b.HTTPErrorHandler = func(err error, c echo.Context) {
		if h, ok := errors.AsType[*echo.HTTPError](err); ok {
			_ = c.NoContent(h.Code)
			return
		}
		_ = c.JSON(errors.From(err).Status(), errors.From(err).Details)
	}
	b.GET("/notes", func(c echo.Context) error { return c.String(http.StatusOK, "notes") })
	b.OPTIONS("/notes", func(c echo.Context) error { return c.String(http.StatusOK, "options") })
	b.GET("/vary", func(c echo.Context) error {
		c.Response().Header().Add("Vary", "Accept-Encoding")
		return c.NoContent(http.StatusOK)
	})
	b.GET("/fails", func(echo.Context) error { return errors.CodeConflict })
	b.GET("/changes", func(c echo.Context) error {
		for _, values := range c.Response().Header() {
			for i := range values {
				values[i] = "changed"
			}
		}
		return c.NoContent(http.StatusOK)
	})
	return b
}

// ask sends a request with headers as "Name: value".
func (b browsers) ask(method, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(context.Background(), method, path, nil)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	b.ServeHTTP(w, r)
	return w
}

// events returns the lines of an event.
func (b browsers) events(t testing.TB, event string) (found []map[string]any) {
	t.Helper()
	for line := range strings.Lines(b.logs.String()) {
		var fields map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &fields))
		if fields["event"] == event {
			found = append(found, fields)
		}
	}
	return found
}

const custom = "CORS_PRESET=custom"

func TestOrigins(t *testing.T) {
	t.Parallel()
	tests := []struct {
		origins          string
		allowed, refused []string
	}{
		{
			"https://app.example.com",
			[]string{"https://app.example.com"},
			[]string{
				"http://app.example.com", "https://app.example.com:8443", "https://example.com", "https://app.example.com.evil.test",
				"https://app.example.community", "https://evilapp.example.com", "https://a.app.example.com", "https://appxexample.com", "null",
			},
		},
		{
			"https://*.example.com",
			[]string{"https://a.example.com", "https://a.b.example.com", "https://xn--bcher-kva.example.com", "https://a_b.example.com"},
			[]string{
				"https://example.com", "https://evilexample.com", "https://a.example.com.evil.test", "http://a.example.com",
				"https://a.example.com:8443", "https://example.com.evil.test", "https://a.example.org",
			},
		},
		{"https://*.example.com:8443", []string{"https://a.example.com:8443"}, []string{"https://a.example.com", "https://a.example.com:443"}},
		{
			"http://localhost:*",
			[]string{"http://localhost", "http://localhost:1", "http://localhost:65535"},
			[]string{"https://localhost", "http://localhost.evil.test", "http://localhost.evil.test:3000", "http://127.0.0.1:3000", "http://a.localhost"},
		},
		{"http://[::1]:*", []string{"http://[::1]", "http://[::1]:3000"}, []string{"http://[::2]:3000"}},
		{
			`re:https://pr-[0-9]+\.example\.com`,
			[]string{"https://pr-1.example.com", "https://pr-42.example.com"},
			[]string{"https://pr-.example.com", "https://pr-1xexample.com", "https://pr-1.example.com.evil.test", "https://evil.test"},
		},
		{`re:https://(a|b)\.example\.com(:[0-9]+)?`, []string{"https://a.example.com", "https://b.example.com:8443"}, []string{"https://c.example.com"}},
		{"capacitor://localhost", []string{"capacitor://localhost"}, []string{"http://localhost", "capacitor://localhost.evil.test"}},
		// As in a radix tree that joins the common parts of foo and bar.
		{"https://foo.com,https://bar.com,https://foobar.com", []string{"https://foobar.com"}, []string{"https://barfoo.com", "https://barbar.com"}},
		{"*", []string{"https://anything.test", "null"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.origins, func(t *testing.T) {
			t.Parallel()
			p := compiled(t, custom, "CORS_ORIGINS="+tt.origins)
			for _, origin := range tt.allowed {
				assert.Nil(t, p.refuse(origin), origin)
			}
			for _, origin := range tt.refused {
				assert.NotNil(t, p.refuse(origin), origin)
			}
		})
	}
}

var malformed = []string{
	"x", "https://", "https:/a.test", "://a.test", "https://a.test/", "https://a.test/path", "https://a.test?q", "https://a.test#f",
	"https://u@a.test", "https://u:p@a.test", "https://A.test", "HTTPS://a.test", "https://a.test:443", "http://a.test:80",
	"https://a.test:", "https://a.test:0", "https://a.test:08", "https://a.test:65536", "https://a.test:-1", "https://a.test:+1",
	"https://a..test", "https://.test", "https://a.test.", "https://bücher.test", "https://a .test", " https://a.test", "https://a.test ",
	"https://a.test,https://b.test", "https://a.test https://b.test", "https://1.2.3", "https://1.2.3.256", "https://01.2.3.4",
	"https://[::1", "https://::1", "https://[0:0:0:0:0:0:0:1]", "https://[::ffff:1.2.3.4]", "https://[fe80::1%25eth0]", "https://[1.2.3.4]",
	"https://a.1", "file://", "file:///etc/passwd", "https://a.test\x00", "https://a.test\r\n", "https://" + strings.Repeat("a", 254),
	strings.Repeat("a", 1000) + "://a.test", "https://localhost:x.evil.test", "https://*.a.test", "https://a.test:*",
}

func TestMalformedOrigins(t *testing.T) {
	t.Parallel()
	p := compiled(t, custom, `CORS_ORIGINS=https://a.test,https://*.a.test,http://localhost:*,re:https://[a-z]+\.test`)
	for _, origin := range malformed {
		assert.Equal(t, malformedOrigin, p.refuse(origin), "%q", origin)
	}
	for _, origin := range []string{"https://1.2.3.4", "https://[::1]:1", "https://[2001:db8::1]", "https://a-b.c:65535"} {
		assert.Equal(t, notAllowed, p.refuse(origin), "%q", origin)
	}
}

// The origins are refused whole: none is ignored, and none matches what it seems to.
func TestInvalidPatterns(t *testing.T) {
	t.Parallel()
	patterns := []string{
		"null", "https://example.com*", "https://*example.com", "https://ex*mple.com", "https://*", "*.example.com", "**",
		"https://*.*.example.com", "https://a.*.example.com", "https://example.com:*", "https://*.example.com:*", "https://localhost:80*",
		"https://*.1.2.3.4", "https://*.[::1]", "example.com", "//example.com",
		"re:", "re:.*", `re:https://.*`, `re:https://.+\.example\.com`, `re:https://a.example\.com`, `re:.*\.example\.com`, `re:example\.com`,
		`re:https?://a\.test`, `re:https://a\.test|https://b\.test`, `re:https://a\.test|b`, `re:(https://a\.test)`, `re:https://[^/]+\.test`,
		`re:https://\S+\.test`, `re:https://\W\.test`, `re:https://[a-z.]+\.test`, `re:https://[+-9]\.test`, `re:https://(a`, `re:https://a\.test)|(b`,
		`re:https://[[:graph:]]+\.test`, `re:https://\x2e\.test`, `re:https://\Q.\E`, `re:https://[]|]\.test|b`, `re:https://(?s).`,
	}
	for _, text := range append(malformed, patterns...) {
		if strings.Contains(text, ",") || text != strings.TrimSpace(text) || strings.HasSuffix(text, ":*") && text == "https://a.test:*" || text == "https://*.a.test" {
			continue // a list, trimmed, or a pattern
		}
		cfg := Config{Preset: "custom", Origins: []string{text}}
		_, problems := policyOf(cfg)
		if assert.Len(t, problems, 1, "%q", text) {
			assert.Equal(t, "CORS_ORIGINS", problems[0].Field)
			assert.Contains(t, problems[0].Message, "origin 1 must ")
			if len(text) > 8 {
				assert.NotContains(t, problems[0].Message, text)
			}
		}
	}
}

func TestPresets(t *testing.T) {
	t.Parallel()
	const production, staging, development = "APP_ENVIRONMENT=production", "APP_ENVIRONMENT=staging", "APP_ENVIRONMENT=development"
	tests := []struct {
		name      string
		variables []string
		problem   string // a part of the message, or empty
	}{
		{"nothing", nil, ""},
		{"any case", []string{"CORS_PRESET= OAuth ", "CORS_ORIGINS=https://a.test"}, ""},
		{"unknown", []string{"CORS_PRESET=prodution"}, "Invalid preset: prodution"},
		{"not a word", []string{"CORS_PRESET=hunter2-hunter2"}, "Invalid preset: not a word"},
		{"testing is no preset", []string{"CORS_PRESET=testing"}, "Invalid preset: testing"},
		{"testing is development", []string{"APP_ENVIRONMENT=testing"}, ""},
		{"production without origins", []string{production}, ""},
		{"development in production", []string{production, "CORS_PRESET=development"}, "must not be development"},
		{"any origin in production", []string{production, custom, "CORS_ORIGINS=*"}, "must not be *"},
		{"http in production", []string{production, custom, "CORS_ORIGINS=http://a.test"}, "must be https"},
		{"http of this machine in production", []string{production, custom, "CORS_ORIGINS=http://localhost:*"}, "must be https"},
		{"http expression in production", []string{production, custom, `CORS_ORIGINS=re:http://a\.test`}, "must be https"},
		{"http in production in spite of danger", []string{production, custom, "CORS_ORIGINS=http://a.test", "CORS_ALLOW_CREDENTIALS=true", "CORS_DANGEROUSLY_ALLOW_CREDENTIALS=true"}, "must be https"},
		{"wildcard in production", []string{production, "CORS_ORIGINS=https://*.a.test"}, "must be an exact origin"},
		{"expression in production", []string{production, `CORS_ORIGINS=re:https://a\.test`}, "must be an exact origin"},
		{"wildcard in production with custom", []string{production, custom, "CORS_ORIGINS=https://*.a.test"}, ""},
		{"the preset production elsewhere", []string{development, "CORS_PRESET=production", "CORS_ORIGINS=http://a.test"}, "must be https"},
		{"wildcard in staging", []string{staging, "CORS_ORIGINS=https://*.a.test"}, ""},
		{"http in staging", []string{staging, "CORS_ORIGINS=http://a.test"}, "must be https"},
		{"any origin in staging", []string{staging, "CORS_ORIGINS=*"}, "must not be *"},
		{"oauth without origins", []string{"CORS_PRESET=oauth"}, "is required"},
		{"oauth with a wildcard", []string{"CORS_PRESET=oauth", "CORS_ORIGINS=https://*.a.test"}, "must be an exact origin"},
		{"custom without origins", []string{custom}, "is required"},
		{"any origin", []string{custom, "CORS_ORIGINS=*"}, ""},
		{"any origin with credentials", []string{custom, "CORS_ORIGINS=*", "CORS_ALLOW_CREDENTIALS=true", "CORS_DANGEROUSLY_ALLOW_CREDENTIALS=true"}, "must not be *"},
		{"http with credentials", []string{"CORS_ORIGINS=http://a.test"}, "must be https with credentials"},
		{"http without credentials", []string{"CORS_ORIGINS=http://a.test", "CORS_ALLOW_CREDENTIALS=false"}, ""},
		{"http of this machine with credentials", []string{"CORS_ORIGINS=http://localhost:3000,http://*.localhost"}, ""},
		{"public suffix with credentials", []string{"CORS_ORIGINS=https://*.github.io"}, "public suffix"},
		{"top-level domain with credentials", []string{"CORS_ORIGINS=https://*.com"}, "public suffix"},
		{"unknown top-level domain with credentials", []string{"CORS_ORIGINS=https://*.internal"}, "public suffix"},
		{"public suffix without credentials", []string{custom, "CORS_ORIGINS=https://*.github.io"}, ""},
		{"expression with credentials", []string{`CORS_ORIGINS=re:https://a\.test`}, "regular expression with credentials"},
		{"danger", []string{`CORS_ORIGINS=re:https://a\.test,http://a.test,https://*.github.io`, "CORS_DANGEROUSLY_ALLOW_CREDENTIALS=true"}, ""},
		{"any method with credentials", []string{"CORS_ALLOW_METHODS=*"}, "not be * with credentials"},
		{"any header with credentials", []string{"CORS_ALLOW_HEADERS=*"}, "not be * with credentials"},
		{"expose any header with credentials", []string{"CORS_PRESET=oauth", "CORS_ORIGINS=https://a.test", "CORS_EXPOSE_HEADERS=*"}, "not be * with credentials"},
		{"anything without credentials", []string{custom, "CORS_ORIGINS=*", "CORS_ALLOW_METHODS=*", "CORS_ALLOW_HEADERS=*", "CORS_EXPOSE_HEADERS=*"}, ""},
		{"lower-case method", []string{"CORS_ALLOW_METHODS=GET,patch"}, "methods in upper case"},
		{"no header name", []string{"CORS_ALLOW_HEADERS=X Y"}, "must be names"},
		{"negative age", []string{"CORS_MAX_AGE=-1"}, "must be between 0 and 86400"},
		{"long age", []string{"CORS_MAX_AGE=86401"}, "must be between 0 and 86400"},
		{"longest age", []string{"CORS_MAX_AGE=86400"}, ""},
		{"a variable of another package", []string{"DB_POOL_SIZE=1000"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := load(tt.variables...)
			if tt.problem == "" {
				assert.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, tt.problem)
		})
	}
}

// An error that has everything at once, and no value.
func TestNewReportsEverything(t *testing.T) {
	t.Parallel()
	cfg := Config{
		Preset: "oauth", Origins: []string{"*", "https://*.github.io", "https://secret.test/", "https://good.test", "re:https://secret.test"},
		AllowMethods: []string{"secret"}, AllowHeaders: []string{"*"}, ExposeHeaders: []string{"se cret"},
	}
	_, err := New(cfg, logging.Logger{})
	e, ok := errors.AsType[*errors.Error](err)
	require.True(t, ok)
	assert.Equal(t, errors.CodeCORSValidation, e.Code)
	fields, ok := e.Details["fields"].([]errors.FieldError)
	require.True(t, ok)
	var text strings.Builder
	for _, f := range fields {
		text.WriteString(f.Field + " " + f.Message + "\n")
	}
	assert.Len(t, fields, 7, text.String())
	for _, want := range []string{"origin 1 ", "origin 2 ", "origin 3 ", "origin 5 ", "CORS_ALLOW_METHODS", "CORS_ALLOW_HEADERS", "CORS_EXPOSE_HEADERS"} {
		assert.Contains(t, text.String(), want)
	}
	assert.NotContains(t, text.String(), "secret")
}

// With credentials, a wildcard must not contain the names of strangers, wherever the public suffix is.
func TestPublicSuffixBelowWildcard(t *testing.T) {
	t.Parallel()
	const origins = "CORS_ORIGINS=https://*.amazonaws.com"
	for _, origin := range []string{"https://bucket.s3.amazonaws.com", "https://s3.amazonaws.com"} {
		assert.Equal(t, notAllowed, compiled(t, origins).refuse(origin), origin)
		assert.Nil(t, compiled(t, origins, custom).refuse(origin), origin)
		assert.Nil(t, compiled(t, origins, "CORS_DANGEROUSLY_ALLOW_CREDENTIALS=true").refuse(origin), origin)
	}
	assert.Nil(t, compiled(t, origins).refuse("https://console.aws.amazonaws.com"))
}

func TestPreflights(t *testing.T) {
	t.Parallel()
	const good = "Origin: https://a.test"
	const put = "Access-Control-Request-Method: PUT"
	tests := []struct {
		name    string
		headers []string
		reason  string // of the refusal, or empty
	}{
		{"plain", []string{good, put}, ""},
		{"safelisted methods", []string{good, "Access-Control-Request-Method: HEAD"}, ""},
		{"headers", []string{good, put, "Access-Control-Request-Headers: authorization,content-type,if-match"}, ""},
		{"headers in any case, with blanks and empty names", []string{good, put, "Access-Control-Request-Headers: ,Authorization ,\tCONTENT-TYPE,,"}, ""},
		{"headers in two lines", []string{good, put, "Access-Control-Request-Headers: authorization", "Access-Control-Request-Headers: content-type"}, ""},
		{"unknown header", []string{good, put, "Access-Control-Request-Headers: authorization,x-evil"}, "header_not_allowed"},
		{"prefix of a header", []string{good, put, "Access-Control-Request-Headers: auth"}, "header_not_allowed"},
		{"unknown header in the second line", []string{good, put, "Access-Control-Request-Headers: authorization", "Access-Control-Request-Headers: x-evil"}, "header_not_allowed"},
		{"a mebibyte of commas", []string{good, put, "Access-Control-Request-Headers: " + strings.Repeat(",", 1<<20)}, "header_not_allowed"},
		{"many lines", append([]string{good, put}, strings.Split(strings.Repeat("Access-Control-Request-Headers: |", 1<<14), "|")...), "header_not_allowed"},
		{"unknown method", []string{good, "Access-Control-Request-Method: PURGE"}, "method_not_allowed"},
		{"method in lower case", []string{good, "Access-Control-Request-Method: patch"}, "method_not_allowed"},
		{"two methods", []string{good, put, put}, "method_not_allowed"},
		{"empty method", []string{good, "Access-Control-Request-Method: "}, "method_not_allowed"},
		{"unknown origin", []string{"Origin: https://evil.test", put}, "not_in_allowed_list"},
		{"null", []string{"Origin: null", put}, "not_in_allowed_list"},
		{"malformed origin", []string{"Origin: https://a.test/", put}, "malformed_origin"},
		{"two origins", []string{good, good, put}, "malformed_origin"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := serve(t, "info", custom, "CORS_ORIGINS=https://a.test", "CORS_MAX_AGE=60", "CORS_ALLOW_HEADERS=Authorization,Content-Type,If-Match")
			w := b.ask(http.MethodOptions, "/notes", tt.headers...)
			assert.Equal(t, "Origin, Access-Control-Request-Method, Access-Control-Request-Headers", w.Header().Get("Vary"))
			decisions := b.events(t, "cors_decision")
			require.Len(t, decisions, 1)
			assert.Equal(t, []any{"custom", true, tt.reason == ""}, []any{decisions[0]["preset"], decisions[0]["preflight"], decisions[0]["allowed"]})
			if tt.reason != "" {
				assert.Equal(t, http.StatusBadRequest, w.Code)
				assert.JSONEq(t, `{"reason":"`+tt.reason+`"}`, w.Body.String())
				for name := range w.Header() {
					assert.NotContains(t, name, "Access-Control-")
				}
				blocked := b.events(t, "cors_blocked")
				require.Len(t, blocked, 1)
				assert.Equal(t, []any{tt.reason, "warning"}, []any{blocked[0]["reason"], blocked[0]["level"]})
				return
			}
			assert.Equal(t, http.StatusNoContent, w.Code)
			assert.Equal(t, http.Header{
				"Access-Control-Allow-Origin":  {"https://a.test"},
				"Access-Control-Allow-Methods": {"GET, HEAD, POST, PUT, PATCH, DELETE"},
				"Access-Control-Allow-Headers": {"Authorization, Content-Type, If-Match"},
				"Access-Control-Max-Age":       {"60"},
				"Vary":                         {"Origin, Access-Control-Request-Method, Access-Control-Request-Headers"},
			}, w.Header())
			assert.Empty(t, b.events(t, "cors_blocked"))
		})
	}
}

// In browsers, * is no wildcard for Authorization.
func TestAnyHeaderExceptAuthorization(t *testing.T) {
	t.Parallel()
	open := compiled(t, custom, "CORS_ORIGINS=*", "CORS_ALLOW_HEADERS=*", "CORS_ALLOW_METHODS=*")
	assert.True(t, open.allowsHeaders([]string{"x-anything"}))
	assert.True(t, open.allowsMethod("PURGE"))
	assert.False(t, open.allowsHeaders([]string{"authorization"}))
	assert.True(t, compiled(t, custom, "CORS_ORIGINS=*", "CORS_ALLOW_HEADERS=*,Authorization").allowsHeaders([]string{"x-anything,authorization"}))
}

func TestResponses(t *testing.T) {
	t.Parallel()
	const good, evil = "Origin: https://a.test", "Origin: https://evil.test"
	list := []string{custom, "CORS_ORIGINS=https://a.test", "CORS_ALLOW_CREDENTIALS=true", "CORS_EXPOSE_HEADERS=ETag,Location"}
	open := []string{custom, "CORS_ORIGINS=*"}
	tests := []struct {
		name         string
		variables    []string
		method, path string
		headers      []string
		status       int
		allowed      string // Access-Control-Allow-Origin
		vary         string
	}{
		{"allowed", list, "GET", "/notes", []string{good}, 200, "https://a.test", "Origin"},
		{"refused", list, "GET", "/notes", []string{evil}, 200, "", "Origin"},
		{"no origin", list, "GET", "/notes", nil, 200, "", "Origin"},
		{"empty origin", list, "GET", "/notes", []string{"Origin: "}, 200, "", "Origin"},
		{"error", list, "GET", "/fails", []string{good}, 409, "https://a.test", "Origin"},
		{"unmatched path", list, "GET", "/unknown", []string{good}, 404, "https://a.test", "Origin"},
		{"unmatched method", list, "PUT", "/notes", []string{good}, 405, "https://a.test", "Origin"},
		{"preflight of an unmatched path", list, "OPTIONS", "/unknown", []string{good, "Access-Control-Request-Method: PUT"}, 204, "https://a.test", preflightVary},
		{"OPTIONS without a requested method", list, "OPTIONS", "/notes", []string{good}, 200, "https://a.test", preflightVary},
		{"OPTIONS without an origin", list, "OPTIONS", "/notes", []string{"Access-Control-Request-Method: PUT"}, 200, "", preflightVary},
		{"a requested method without OPTIONS", list, "GET", "/notes", []string{good, "Access-Control-Request-Method: PUT"}, 200, "https://a.test", "Origin"},
		{"Vary of the handler", list, "GET", "/vary", []string{good}, 200, "https://a.test", "Origin, Accept-Encoding"},
		{"any origin", open, "GET", "/notes", []string{evil}, 200, "*", ""},
		{"any origin, none sent", open, "GET", "/notes", nil, 200, "*", ""},
		{"any origin, preflight", open, "OPTIONS", "/notes", []string{evil, "Access-Control-Request-Method: PUT"}, 204, "*", preflightVary},
		{"any origin, refused method", open, "OPTIONS", "/notes", []string{evil, "Access-Control-Request-Method: PURGE"}, 400, "", preflightVary},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := serve(t, "info", tt.variables...).ask(tt.method, tt.path, tt.headers...)
			h := w.Header()
			assert.Equal(t, tt.status, w.Code)
			assert.Equal(t, tt.allowed, h.Get("Access-Control-Allow-Origin"))
			assert.Equal(t, tt.vary, strings.Join(h["Vary"], ", "))
			assert.Equal(t, tt.allowed != "" && tt.allowed != "*", h.Get("Access-Control-Allow-Credentials") == "true")
			assert.Equal(t, tt.allowed == "https://a.test" && tt.status != 204, h.Get("Access-Control-Expose-Headers") == "ETag, Location")
			assert.LessOrEqual(t, len(h["Access-Control-Allow-Origin"]), 1)
		})
	}
}

const preflightVary = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"

func TestVaryOfOuterMiddlewareStays(t *testing.T) {
	t.Parallel()
	b := serve(t, "info")
	b.Pre(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			c.Response().Header().Add("Vary", "Accept-Encoding")
			return next(c)
		}
	})
	assert.Equal(t, []string{"Origin", "Accept-Encoding"}, b.ask(http.MethodGet, "/notes").Header()["Vary"])
}

func TestHandlerCannotChangeTheNextResponse(t *testing.T) {
	t.Parallel()
	b := serve(t, "info", "CORS_EXPOSE_HEADERS=ETag")
	const good = "Origin: http://localhost:3000"
	before := b.ask(http.MethodGet, "/notes", good).Header()
	b.ask(http.MethodGet, "/changes", good)
	assert.Equal(t, before, b.ask(http.MethodGet, "/notes", good).Header())
}

func TestEvents(t *testing.T) {
	t.Parallel()
	b := serve(t, "debug", "APP_ENVIRONMENT=staging", "CORS_ORIGINS=https://a.test")
	b.ask(http.MethodGet, "/notes")
	b.ask(http.MethodGet, "/notes", "Origin: http://example.com") // the Host of the requests here
	assert.Empty(t, b.logs.String(), "no origin, or that of the service")

	b.ask(http.MethodGet, "/notes", "Origin: https://a.test")
	allowed := b.events(t, "cors_decision")
	require.Len(t, allowed, 1)
	for name, want := range map[string]any{"level": "debug", "origin": "https://a.test", "allowed": true, "preset": "staging", "preflight": false} {
		assert.Equal(t, want, allowed[0][name], name)
	}
	b.ask(http.MethodOptions, "/notes", "Origin: https://a.test", "Access-Control-Request-Method: PUT")
	assert.Equal(t, "info", b.events(t, "cors_decision")[1]["level"])

	b.ask(http.MethodGet, "/notes", "Origin: https://"+strings.Repeat("e", 9000))
	blocked := b.events(t, "cors_blocked")
	require.Len(t, blocked, 1)
	assert.Len(t, blocked[0]["origin"], 256)
	assert.Equal(t, "malformed_origin", blocked[0]["reason"])
	assert.Len(t, b.events(t, "cors_decision"), 2, "a refused request has cors_blocked only")
}

func TestRefusalsAreLoggedAtALimitedRate(t *testing.T) {
	t.Parallel()
	b := serve(t, "info")
	for range 1000 {
		b.ask(http.MethodGet, "/notes", "Origin: https://evil.test")
		b.ask(http.MethodOptions, "/notes", "Origin: https://evil.test", "Access-Control-Request-Method: PUT")
	}
	blocked := b.events(t, "cors_blocked")
	assert.Less(t, len(blocked), 200)
	assert.LessOrEqual(t, len(b.events(t, "cors_decision")), len(blocked))
	counted := float64(len(blocked)) + float64(b.cors.dropped.Load())
	for _, line := range blocked {
		dropped, ok := line["dropped_count"].(float64)
		assert.True(t, ok)
		counted += dropped
	}
	assert.InDelta(t, 2000, counted, 0, "each refusal has a line or is counted in one")
}

// Each request sees one policy as a whole.
func TestReconfigureUnderLoad(t *testing.T) {
	t.Parallel()
	b := serve(t, "error", custom, "CORS_ORIGINS=https://a.test", "CORS_EXPOSE_HEADERS=A")
	configs := []Config{
		mustLoad(t, custom, "CORS_ORIGINS=https://a.test", "CORS_EXPOSE_HEADERS=A"),
		mustLoad(t, "CORS_ORIGINS=https://a.test", "CORS_EXPOSE_HEADERS=B"), // with credentials
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 500 {
				h := b.ask(http.MethodGet, "/notes", "Origin: https://a.test").Header()
				got := h.Get("Access-Control-Expose-Headers") + h.Get("Access-Control-Allow-Credentials")
				assert.Contains(t, []string{"A", "Btrue"}, got)
			}
		})
	}
	for i := range 500 {
		assert.NoError(t, b.cors.Reconfigure(configs[i%2]))
	}
	all.Wait()
	assert.Error(t, b.cors.Reconfigure(Config{Preset: "no"}))
	assert.Equal(t, "Btrue", func() string {
		h := b.ask(http.MethodGet, "/notes", "Origin: https://a.test").Header()
		return h.Get("Access-Control-Expose-Headers") + h.Get("Access-Control-Allow-Credentials")
	}(), "an invalid Config changes nothing")
}
