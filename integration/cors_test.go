package integration

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

func TestInsecureOriginsAreRefused(t *testing.T) {
	t.Parallel()
	tests := []struct {
		env  env
		want string
	}{
		{env{"APP_ENVIRONMENT": "production", "CORS_PRESET": "custom", "CORS_ORIGINS": "*"}, "CORS_ORIGINS: origin 1 must not be *"},
		{env{"APP_ENVIRONMENT": "production", "CORS_PRESET": "custom", "CORS_ORIGINS": "https://a.test,http://b.test"}, "CORS_ORIGINS: origin 2 must be https"},
		{env{"APP_ENVIRONMENT": "production", "CORS_PRESET": "development"}, "CORS_PRESET: must not be development"},
		{env{"CORS_PRESET": "nonsense"}, "CORS_PRESET: Invalid preset: nonsense"},
		{env{"CORS_ORIGINS": "*"}, "CORS_ORIGINS: origin 1 must not be * with credentials"},
		{env{"CORS_MAX_AGE": "86401"}, "CORS_MAX_AGE: must be between 0 and 86400"},
	}
	for _, tt := range tests {
		s := launch(t, t.TempDir(), tt.env.list("postgres://127.0.0.1:1/none"))
		assert.Equal(t, 2, s.exit(t), tt.want)
		assert.Contains(t, s.stderr.String(), tt.want)
		assert.Contains(t, s.await(t, "config_validation_failed")["fields"], strings.SplitN(tt.want, ":", 2)[0])
	}
}

func TestCORSHeadersAreOnEveryResponse(t *testing.T) {
	t.Parallel()
	s := start(t, env{"CORS_PRESET": "production", "CORS_ORIGINS": "https://app.example.com", "HTTP_BODY_LIMIT": "1KiB"})
	good := map[string]string{"Origin": "https://app.example.com"}
	for path, want := range map[string]request{
		"200": {method: "GET", path: "/healthz", header: good},
		"401": {method: "GET", path: "/v1/me", header: good},
		"404": {method: "GET", path: "/unknown", header: good},
		"405": {method: "PUT", path: "/v1/me", header: good},
		"400": {method: "POST", path: "/v1/auth/login", header: good, body: "{"},
		"413": {method: "POST", path: "/v1/auth/login", header: good, body: strings.Repeat(" ", 2000)},
	} {
		r := s.client.do(want)
		assert.Equal(t, path, fmt.Sprint(r.status))
		assert.Equal(t, "https://app.example.com", r.header.Get("Access-Control-Allow-Origin"), path)
		assert.Contains(t, r.header.Values("Vary"), "Origin", path)
	}
	preflight := func(origin string) request {
		return request{method: "OPTIONS", path: "/v1/me", header: map[string]string{
			"Origin": origin, "Access-Control-Request-Method": "DELETE", "Access-Control-Request-Headers": "authorization",
		}}
	}
	r := s.client.do(preflight("https://app.example.com")) // without a token
	assert.Equal(t, http.StatusNoContent, r.status)
	assert.Equal(t, "https://app.example.com", r.header.Get("Access-Control-Allow-Origin"))
	decision := s.awaitThat(t, "cors_decision", func(line map[string]any) bool { return line["preflight"] == true })
	assert.Equal(t, []any{"info", true, "production"}, []any{decision["level"], decision["allowed"], decision["preset"]})

	r = s.client.do(preflight("https://evil.test"))
	r.problem(errors.CodeCORSValidation)
	assert.Contains(t, string(r.body), `"details":{"reason":"not_in_allowed_list"}`)
	assert.Empty(t, r.header.Get("Access-Control-Allow-Origin"))
	blocked := s.await(t, "cors_blocked")
	assert.Equal(t, []any{"https://evil.test", "not_in_allowed_list"}, []any{blocked["origin"], blocked["reason"]})
	assert.NotEmpty(t, blocked["correlation_id"])
	s.stop(t)
}

// browser is a Chromium in which pages of any host run. Their servers are of this test; the service
// has its own address.
type browser struct {
	ctx     context.Context
	service *service

	// interrupted counts the requests that Chromium gave up because a network interface came or went,
	// as those of containers do.
	interrupted atomic.Int64
}

const networkChanged = "net::ERR_NETWORK_CHANGED"

// browse starts a browser, or skips the test if there is none. With TEST_BROWSER=required it fails.
func browse(t *testing.T, s *service) *browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		const missing = "no browser found: install Chromium (apt-get install chromium)"
		if os.Getenv("TEST_BROWSER") == "required" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<!doctype html><title>page</title>"))
	})
	plain, secure := httptest.NewServer(page), httptest.NewTLSServer(page)
	t.Cleanup(plain.Close)
	t.Cleanup(secure.Close)
	rules := []string{"MAP *:443 " + secure.Listener.Addr().String(), "MAP *:8443 " + secure.Listener.Addr().String()}
	for _, port := range []string{"80", "3000", "5173"} {
		rules = append(rules, "MAP *:"+port+" "+plain.Listener.Addr().String())
	}
	allocator, cancel := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.NoFirstRun, chromedp.IgnoreCertErrors, chromedp.Flag("disable-quic", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("disable-features", "HttpsUpgrades,HttpsFirstBalancedMode"),
		chromedp.Flag("host-resolver-rules", strings.Join(rules, ", ")),
	)
	t.Cleanup(cancel)
	ctx, closeBrowser := chromedp.NewContext(allocator)
	t.Cleanup(closeBrowser)
	ctx, stop := context.WithTimeout(ctx, 10*soon)
	t.Cleanup(stop)
	version, err := chromedp.Run(ctx, chromedp.Evaluate[string](`navigator.userAgent`))
	require.NoError(t, err)
	t.Logf("%s: %s", path, version)
	b := &browser{ctx: ctx, service: s}
	require.NoError(t, chromedp.Listen(ctx, func(event any) {
		if failed, ok := event.(*network.EventLoadingFailed); ok && failed.ErrorText == networkChanged {
			b.interrupted.Add(1)
		}
	}))
	return b
}

// ask opens a page of an origin and returns what fetch sees there. It asks again if the network of
// the machine changed meanwhile.
func (b *browser) ask(t *testing.T, origin string, r kind, credentials string) string {
	t.Helper()
	for {
		before := b.interrupted.Load()
		b.open(t, origin)
		got := b.fetch(t, r, credentials)
		if b.interrupted.Load() == before {
			return got
		}
	}
}

// open opens a page of an origin.
func (b *browser) open(t *testing.T, origin string) {
	t.Helper()
	err := chromedp.Do(b.ctx, chromedp.Navigate(origin+"/"))
	for err != nil && strings.Contains(err.Error(), networkChanged) {
		err = chromedp.Do(b.ctx, chromedp.Navigate(origin+"/"))
	}
	require.NoError(t, err)
	got, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`location.origin`))
	require.NoError(t, err)
	require.Equal(t, origin, got)
}

// fetch calls fetch() in the page and returns the status and whether the page can read the
// correlation id, or "blocked".
func (b *browser) fetch(t *testing.T, r kind, credentials string) string {
	t.Helper()
	call := fmt.Sprintf(`fetch(%q, {method: %q, headers: %s, body: %s, credentials: %q, cache: "no-store"}).then(
		r => r.text().then(text => r.status + (text ? " read" : "") + (r.headers.get("X-Correlation-ID") ? " id" : "")), e => "blocked")`,
		b.service.client.base+r.path, r.method, r.headers, r.body, credentials)
	if r.sandboxed {
		call = fmt.Sprintf(`new Promise(done => {
			addEventListener("message", m => done(m.data), {once: true})
			const frame = document.createElement("iframe")
			frame.sandbox = "allow-scripts"
			frame.srcdoc = "<script>" + %q + ".then(x => parent.postMessage(x, '*'))</" + "script>"
			document.body.append(frame)
		})`, strings.ReplaceAll(call, `"`, `'`))
	}
	got, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](call, chromedp.EvalAwaitPromise))
	require.NoError(t, err)
	return got
}

// kind is a kind of request that a page makes.
type kind struct {
	method, path, headers, body string
	sandboxed                   bool
}

// The kinds of requests. Those with a token get 401, because it is not valid, and the page sees that.
var (
	simple     = kind{"GET", "/healthz", "{}", "null", false}
	failing    = kind{"GET", "/v1/me", "{}", "null", false}
	unknown    = kind{"GET", "/unknown", "{}", "null", false}
	tokenGet   = kind{"GET", "/v1/me", `{"Authorization": "Bearer x"}`, "null", false}
	tokenPatch = kind{"PATCH", "/v1/users/1", `{"Authorization": "Bearer x", "Content-Type": "application/json", "If-Match": "1"}`, `"{}"`, false}
	jsonPost   = kind{"POST", "/v1/auth/login", `{"Content-Type": "application/json"}`, `"{}"`, false}
	tooLarge   = kind{"POST", "/v1/auth/login", `{"Content-Type": "application/json"}`, `" ".repeat(3000)`, false}
	badHeader  = kind{"GET", "/healthz", `{"X-Evil": "1"}`, "null", false}
	badMethod  = kind{"PURGE", "/healthz", "{}", "null", false}
	sandboxed  = kind{"GET", "/healthz", "{}", "null", true}
)

func TestBrowserObeysPresets(t *testing.T) {
	t.Parallel()
	const omit, include, blocked = "omit", "include", "blocked"
	const app, good, evil = "https://app.example.com", "200 read id", "https://evil.test"
	type row struct {
		origin      string
		kind        kind
		credentials string
		want        string
	}
	list := []row{ // for the presets that allow app only
		{app, simple, omit, good},
		{app, failing, omit, "401 read id"},
		{app, unknown, omit, "404 read id"},
		{app, tokenGet, omit, "401 read id"},
		{app, tokenPatch, omit, "401 read id"},
		{app, jsonPost, omit, "400 read id"},
		{app, tooLarge, omit, "413 read id"},
		{app, simple, include, blocked},
		{app, badHeader, omit, blocked},
		{app, badMethod, omit, blocked},
		{app, sandboxed, omit, blocked},
		{evil, simple, omit, blocked},
		{evil, failing, omit, blocked},
		{evil, jsonPost, omit, blocked},
		{evil, tokenGet, omit, blocked},
	}
	for _, attack := range []string{
		"http://app.example.com", "https://app.example.com:8443", "https://app.example.community", "https://app.example.com.evil.test",
		"https://evilapp.example.com", "https://evil.app.example.com", "https://appxexample.com", "https://example.com", "http://localhost:3000",
	} {
		list = append(list, row{attack, simple, omit, blocked})
	}
	tests := []struct {
		name, settings string
		rows           []row
	}{
		{"development", "CORS_PRESET=development", []row{
			{"http://localhost:3000", simple, include, good},
			{"http://localhost:3000", tokenPatch, include, "401 read id"},
			{"http://127.0.0.1:5173", simple, include, good},
			{"http://localhost", jsonPost, omit, "400 read id"},
			{"https://localhost:8443", tokenGet, include, "401 read id"},
			{"http://localhost:3000", badHeader, include, blocked},
			{"http://localhost:3000", sandboxed, omit, blocked},
			{"http://localhost.evil.test:3000", simple, omit, blocked},
			{evil, simple, omit, blocked},
		}},
		{"staging", "CORS_PRESET=staging\nCORS_ORIGINS=https://app.example.com,https://*.preview.example.com", append(list,
			row{"https://pr-1.preview.example.com", tokenPatch, omit, "401 read id"},
			row{"https://a.b.preview.example.com", simple, omit, good},
			row{"https://pr-1.preview.example.com", simple, include, blocked},
			row{"https://preview.example.com", simple, omit, blocked},
			row{"https://evilpreview.example.com", simple, omit, blocked},
			row{"http://pr-1.preview.example.com", simple, omit, blocked},
			row{"https://pr-1.preview.example.com:8443", simple, omit, blocked},
			row{"https://pr-1.preview.example.com.evil.test", simple, omit, blocked},
		)},
		{"production", "CORS_PRESET=production\nCORS_ORIGINS=https://app.example.com", list},
		{"production with credentials", "CORS_PRESET=production\nCORS_ORIGINS=https://app.example.com\nCORS_ALLOW_CREDENTIALS=true", []row{
			{app, simple, include, good},
			{app, tokenPatch, include, "401 read id"},
			{app, sandboxed, include, blocked},
			{evil, simple, include, blocked},
		}},
		{"oauth", "CORS_PRESET=oauth\nCORS_ORIGINS=https://app.example.com", []row{
			{app, simple, include, "200 read"}, // the correlation id is not exposed
			{app, tokenGet, include, "401 read"},
			{app, jsonPost, include, "400 read"},
			{app, tokenPatch, include, blocked}, // neither the method nor If-Match is allowed
			{"https://accounts.google.com", simple, include, blocked},
			{evil, simple, include, blocked},
		}},
		{"custom", "CORS_PRESET=custom\nCORS_ORIGINS=re:https://pr-[0-9]+\\.example\\.com", []row{
			{"https://pr-1.example.com", tokenPatch, omit, "401 read id"},
			{"https://pr-1.example.com", simple, include, blocked},
			{"https://pr-1xexample.com", simple, omit, blocked},
			{"https://pr-1.example.com.evil.test", simple, omit, blocked},
		}},
		{"custom with a public suffix below the wildcard", "CORS_PRESET=custom\nCORS_ORIGINS=https://*.amazonaws.com\nCORS_ALLOW_CREDENTIALS=true", []row{
			{"https://console.aws.amazonaws.com", simple, include, good},
			{"https://evil.s3.amazonaws.com", simple, include, blocked},
		}},
		{"any origin", "CORS_PRESET=custom\nCORS_ORIGINS=*\nCORS_ALLOW_HEADERS=*", []row{
			{evil, simple, omit, good},
			{evil, badHeader, omit, good},
			{evil, sandboxed, omit, good},
			{evil, simple, include, blocked},
			{evil, tokenGet, omit, blocked}, // the wildcard does not cover Authorization
		}},
	}

	file := filepath.Join(t.TempDir(), "settings")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	s := startOn(t, platformtest.Database(t, apptest.Migrated), env{"ENV_FILE": file, "HTTP_BODY_LIMIT": "2KiB"})
	b := browse(t, s)
	for i, tt := range tests {
		// Without a maximum age: the next settings must not get a preflight out of the browser's cache.
		require.NoError(t, os.WriteFile(file, []byte(tt.settings+"\nCORS_MAX_AGE=0\n"), 0o600))
		s.signal(t, syscall.SIGHUP)
		platformtest.Eventually(t, soon, func() error {
			if got := len(s.events("config_reloaded")); got != i+1 {
				return fmt.Errorf("%d reloads", got)
			}
			return nil
		})
		for _, r := range tt.rows {
			got := b.ask(t, r.origin, r.kind, r.credentials)
			assert.Equal(t, r.want, got, "%s: %s %s from %s, credentials %s", tt.name, r.kind.method, r.kind.path, r.origin, r.credentials)
		}
	}
	assert.NotEmpty(t, s.events("cors_blocked"))
	s.stop(t)
}
