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

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// client makes requests as one user, or as nobody.
type client struct {
	t       testing.TB
	base    string
	token   string // the access token
	refresh string // the refresh token

	userID, tenantID, email string
}

// password is the one of every user of these tests.
const password = "violet harbour four lanterns"

// response is what came back.
type response struct {
	t      testing.TB
	status int
	header http.Header
	body   []byte
}

// request is one to make: a body that is a string or bytes goes as it is, anything else as JSON.
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

// try is do for requests that may fail on their way.
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

// transport keeps no connection, so that no test sees another one's.
var transport = &http.Transport{DisableKeepAlives: true}

func (c client) get(path string) response {
	c.t.Helper()
	return c.do(request{method: "GET", path: path})
}
func (c client) post(path string, body any) response {
	c.t.Helper()
	return c.do(request{method: "POST", path: path, body: body})
}

// register makes a new tenant and returns a client for its owner.
func (c client) register() client {
	c.t.Helper()
	email := uuid.NewString() + "@example.com"
	res := c.post("/v1/auth/register", map[string]any{"tenant_name": "Tenant", "email": email, "password": password})
	require.Equal(c.t, http.StatusCreated, res.status, string(res.body))
	return client{
		t: c.t, base: c.base, token: res.text("tokens.access_token"), refresh: res.text("tokens.refresh_token"), email: email,
		userID: res.text("user.id"), tenantID: res.text("user.tenant_id"),
	}
}

// login opens another session of the same user.
func (c client) login() client {
	c.t.Helper()
	res := client{t: c.t, base: c.base}.post("/v1/auth/login", map[string]any{"email": c.email, "password": password, "tenant_id": c.tenantID})
	require.Equal(c.t, http.StatusOK, res.status, string(res.body))
	c.token, c.refresh = res.text("access_token"), res.text("refresh_token")
	return c
}

// with returns a client that has another refresh token.
func (c client) with(refresh string) client {
	c.refresh = refresh
	return c
}

// refreshWith spends a refresh token.
func (c client) refreshWith(token string) response {
	c.t.Helper()
	return client{t: c.t, base: c.base}.post("/v1/auth/refresh", map[string]any{"refresh_token": token})
}

// mustRefresh returns a client that has the successors of the tokens.
func (c client) mustRefresh() client {
	c.t.Helper()
	res := c.refreshWith(c.refresh)
	require.Equal(c.t, http.StatusOK, res.status, string(res.body))
	c.token, c.refresh = res.text("access_token"), res.text("refresh_token")
	return c
}

// note creates a note and returns its id.
func (c client) note(title string, more ...map[string]any) string {
	c.t.Helper()
	body := map[string]any{"title": title, "body": "", "tags": []string{}}
	for _, m := range more {
		for name, value := range m {
			body[name] = value
		}
	}
	res := c.post("/v1/notes", body)
	require.Equal(c.t, http.StatusCreated, res.status, string(res.body))
	return res.text("id")
}

// titles returns the titles of a list of notes.
func (c client) titles(query string) (titles []string) {
	c.t.Helper()
	res := c.get("/v1/notes" + query)
	require.Equal(c.t, http.StatusOK, res.status, string(res.body))
	for _, item := range res.value("items").([]any) {
		titles = append(titles, item.(map[string]any)["title"].(string))
	}
	return titles
}

// value returns the member of the JSON body at a path such as user.id.
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

// fields returns what details.fields says of the request.
func (r response) fields() (names []string) {
	r.t.Helper()
	list, _ := r.value("details.fields").([]any)
	for _, f := range list {
		names = append(names, f.(map[string]any)["field"].(string))
	}
	return names
}

// problem asserts that the response is this error, in every detail that each error has.
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
