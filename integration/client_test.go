package integration

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// client sends requests as one user, or anonymously.
type client struct {
	t       testing.TB
	base    string
	token   string // access token
	refresh string // refresh token

	userID, tenantID, email string
}

// password is the password of every user of these tests.
const password = "violet harbour four lanterns"

type response struct {
	t      testing.TB
	status int
	header http.Header
	body   []byte
}

// request is a request to send. A body that is a string or an io.Reader is sent unchanged, any
// other value as JSON.
type request struct {
	method, path string
	header       map[string]string
	body         any
}

func (c client) do(r request) response {
	c.t.Helper()
	res, err := c.try(r)
	require.NoError(c.t, err)
	return res
}

// try is like do, for requests that may get no response.
func (c client) try(r request) (response, error) {
	c.t.Helper()
	var body io.Reader
	switch b := r.body.(type) {
	case nil:
	case string:
		body = strings.NewReader(b)
	case io.Reader:
		body = b
	default:
		text, err := json.Marshal(b)
		require.NoError(c.t, err)
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(c.t.Context(), r.method, c.base+r.path, body)
	require.NoError(c.t, err)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	for name, value := range r.header {
		req.Header.Set(name, value)
	}
	res, err := transport.RoundTrip(req)
	if err != nil {
		return response{}, err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	return response{t: c.t, status: res.StatusCode, header: res.Header, body: text}, err
}

// transport reuses no connections, so that tests do not share them.
var transport = &http.Transport{DisableKeepAlives: true}

func (c client) get(path string) response {
	c.t.Helper()
	return c.do(request{method: "GET", path: path})
}

func (c client) post(path string, body any) response {
	c.t.Helper()
	return c.do(request{method: "POST", path: path, body: body})
}

func (c client) delete(path string) response {
	c.t.Helper()
	return c.do(request{method: "DELETE", path: path})
}

// register creates a tenant and returns a client for its owner.
func (c client) register() client {
	c.t.Helper()
	email := uuid.NewString() + "@example.com"
	res := c.post("/v1/auth/register", map[string]any{"tenant_name": "Tenant", "email": email, "password": password})
	require.Equal(c.t, http.StatusCreated, res.status, string(res.body))
	access, refresh := res.tokens()
	return client{
		t: c.t, base: c.base, token: access, refresh: refresh, email: email,
		userID: res.text("user.id"), tenantID: res.text("user.tenant_id"),
	}
}

// login opens another session of the same user.
func (c client) login() client {
	c.t.Helper()
	res := client{t: c.t, base: c.base}.post("/v1/auth/login", map[string]any{"email": c.email, "password": password, "tenant_id": c.tenantID})
	require.Equal(c.t, http.StatusOK, res.status, string(res.body))
	c.token, c.refresh = res.tokens()
	return c
}

// refreshWith exchanges a refresh token.
func (c client) refreshWith(token string) response {
	c.t.Helper()
	return client{t: c.t, base: c.base}.post("/v1/auth/refresh", map[string]any{"refresh_token": token})
}

// mustRefresh exchanges the refresh token of c and returns a client with the new tokens.
func (c client) mustRefresh() client {
	c.t.Helper()
	res := c.refreshWith(c.refresh)
	require.Equal(c.t, http.StatusOK, res.status, string(res.body))
	c.token, c.refresh = res.tokens()
	return c
}

// guess sends a login request.
func (c client) guess(email, secret string) response {
	c.t.Helper()
	return client{t: c.t, base: c.base}.post("/v1/auth/login", map[string]any{"email": email, "password": secret})
}

// changePassword sends a request to change the password.
func (c client) changePassword(current, next string) response {
	c.t.Helper()
	return c.post("/v1/me/password", map[string]any{"current_password": current, "new_password": next})
}

// member adds a member to the tenant of c and returns a client for it.
func (c client) member(role auth.Role) client {
	c.t.Helper()
	email := uuid.NewString() + "@example.com"
	res := c.post("/v1/users", map[string]any{"email": email, "password": password, "role": string(role)})
	require.Equal(c.t, http.StatusCreated, res.status, string(res.body))
	m := c
	m.email, m.userID = email, res.text("id")
	return m.login()
}

func (c client) setRole(id string, role auth.Role) response {
	c.t.Helper()
	return c.do(request{method: "PATCH", path: "/v1/users/" + id, body: map[string]any{"role": string(role)}})
}

// key creates an API key and returns its id and its text.
func (c client) key(scopes ...string) (id, text string) {
	c.t.Helper()
	res := c.post("/v1/api-keys", map[string]any{"name": "for a test", "scopes": scopes})
	require.Equal(c.t, http.StatusCreated, res.status, string(res.body))
	assert.Equal(c.t, "no-store", res.header.Get("Cache-Control"))
	return res.text("id"), res.text("key")
}

// withKey sends a request with an API key.
func (c client) withKey(text, method, path string, body any) response {
	c.t.Helper()
	return client{t: c.t, base: c.base}.do(request{method: method, path: path, body: body, header: map[string]string{"X-API-Key": text}})
}

// trail returns the event names of the tenant's audit trail, newest first.
func (c client) trail(query string) []string {
	c.t.Helper()
	return c.get("/v1/audit" + query).items("event")
}

// value returns a member of the JSON body by its path, such as user.id.
func (r response) value(path string) any {
	r.t.Helper()
	var v any
	require.NoError(r.t, json.Unmarshal(r.body, &v), string(r.body))
	for name := range strings.SplitSeq(path, ".") {
		object, ok := v.(map[string]any)
		require.True(r.t, ok, "%s in %s", path, r.body)
		v = object[name]
	}
	return v
}

func (r response) text(path string) string {
	r.t.Helper()
	s, ok := r.value(path).(string)
	require.True(r.t, ok, "%s in %s", path, r.body)
	return s
}

// tokens returns the tokens of a registration, a login or a refresh.
func (r response) tokens() (access, refresh string) {
	r.t.Helper()
	return r.text("tokens.access_token"), r.text("tokens.refresh_token")
}

// items returns one text member of each item of a list.
func (r response) items(member string) (texts []string) {
	r.t.Helper()
	require.Equal(r.t, http.StatusOK, r.status, string(r.body))
	for _, item := range r.value("items").([]any) {
		texts = append(texts, item.(map[string]any)[member].(string))
	}
	return texts
}

// fields returns the field names in details.fields.
func (r response) fields() (names []string) {
	r.t.Helper()
	list, _ := r.value("details.fields").([]any)
	for _, f := range list {
		names = append(names, f.(map[string]any)["field"].(string))
	}
	return names
}

// problem asserts that the response is an error with this code, and has every member that all
// errors have.
func (r response) problem(code errors.Code) {
	r.t.Helper()
	require.Equal(r.t, code.Status, r.status, string(r.body))
	assert.Equal(r.t, "application/problem+json", r.header.Get("Content-Type"))
	assert.Equal(r.t, code.Name, r.text("code"), string(r.body))
	assert.EqualValues(r.t, code.Status, r.value("status"))
	assert.Equal(r.t, r.header.Get("X-Correlation-ID"), r.text("correlation_id"))
	for _, member := range []string{"type", "title", "detail", "instance", "timestamp"} {
		assert.NotEmpty(r.t, r.text(member), member)
	}
	switch r.status {
	case http.StatusUnauthorized:
		assert.True(r.t, strings.HasPrefix(r.header.Get("WWW-Authenticate"), "Bearer"))
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		assert.NotEmpty(r.t, r.header.Get("Retry-After"))
	}
	for _, leak := range []string{"pq:", "postgres", "select ", "insert ", ".go:", "goroutine"} {
		assert.NotContains(r.t, string(r.body), leak)
	}
}
