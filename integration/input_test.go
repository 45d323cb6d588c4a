package integration

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

func TestInvalidInputIsRejected(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	ada := s.client.register()
	path := ada.create("kept")
	post := func(body any) request { return request{method: "POST", path: "/v1/api-keys", body: body} }
	get := func(path string) request { return request{method: "GET", path: path} }
	with := func(r request, name, value string) request {
		r.header = map[string]string{name: value}
		return r
	}
	const good = `{"name":"x","scopes":["users:read"]}`
	large := `{"name":"x","scopes":["` + strings.Repeat("x", 2<<20) + `"]}`
	tests := []struct {
		name    string
		request request
		code    errors.Code
		field   string
	}{
		{"2 MiB", post(large), errors.CodePayloadTooLarge, ""},
		{"2 MiB, chunked", post(io.MultiReader(strings.NewReader(large))), errors.CodePayloadTooLarge, ""},
		{"deep JSON", post(strings.Repeat(`{"name":`, 100_000)), errors.CodeValidation, "*"},
		{"deep array", post(`{"name":"x","scopes":` + strings.Repeat(`[`, 100_000)), errors.CodeValidation, "*"},
		{"no body", post(nil), errors.CodeValidation, "body"},
		{"empty body", post(""), errors.CodeValidation, "body"},
		{"no JSON", post("name=x"), errors.CodeValidation, "body"},
		{"an array", post(`[]`), errors.CodeValidation, "*"},
		{"null", post(`null`), errors.CodeValidation, "**"},
		{"trailing garbage", post(good + ` canary`), errors.CodeValidation, "*"},
		{"a second value", post(good + `{}`), errors.CodeValidation, "*"},
		{"an unknown field", post(`{"name":"x","canary":1}`), errors.CodeValidation, "canary"},
		{"a field in another case", post(`{"Name":"x"}`), errors.CodeValidation, "Name"},
		{"a field twice", post(`{"name":"x","name":"y"}`), errors.CodeValidation, "name"},
		{"a wrong type", post(`{"name":1}`), errors.CodeValidation, "name"},
		{"a wrong type inside", post(`{"name":"x","scopes":["users:read",{}]}`), errors.CodeValidation, "scopes.1"},
		{"a fraction", post(`{"name":"x","scopes":["users:read"],"expires_in":1.5}`), errors.CodeValidation, "expires_in"},
		{"a number out of range", post(`{"name":"x","scopes":["users:read"],"expires_in":0}`), errors.CodeValidation, "expires_in"},
		{"NUL in text", post(`{"name":"can\u0000ary","scopes":["users:read"]}`), errors.CodeValidation, "name"},
		{"invalid UTF-8", post("{\"name\":\"\xff\"}"), errors.CodeValidation, "*"},
		{"a missing field", post(`{"scopes":["users:read"]}`), errors.CodeValidation, "name"},
		{"a long text", post(`{"name":"` + strings.Repeat("é", 201) + `","scopes":["users:read"]}`), errors.CodeValidation, "name"},
		{"no such role", request{method: "PATCH", path: "/v1/users/" + ada.userID, body: `{"role":"canary"}`}, errors.CodeValidation, "role"},
		{"another media type", with(post(good), "Content-Type", "text/plain"), errors.CodeUnsupportedMediaType, ""},
		{"another charset", with(post(good), "Content-Type", "application/json; charset=utf-16"), errors.CodeUnsupportedMediaType, ""},
		{"a bad UUID", get("/v1/api-keys/canary"), errors.CodeValidation, "id"},
		{"a braced UUID", get("/v1/api-keys/%7B" + uuid.NewString() + "%7D"), errors.CodeValidation, "id"},
		{"an injected UUID", get("/v1/api-keys/1%27%20or%20%271%27=%271"), errors.CodeValidation, "id"},
		{"limit too large", get("/v1/users?limit=999999999"), errors.CodeValidation, "limit"},
		{"limit beyond int64", get("/v1/users?limit=99999999999999999999"), errors.CodeValidation, "limit"},
		{"limit zero", get("/v1/users?limit=0"), errors.CodeValidation, "limit"},
		{"limit negative", get("/v1/users?limit=-1"), errors.CodeValidation, "limit"},
		{"limit no number", get("/v1/users?limit=canary"), errors.CodeValidation, "limit"},
		{"limit twice", get("/v1/users?limit=1&limit=2"), errors.CodeValidation, "limit"},
		{"a forged cursor", get("/v1/users?cursor=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), errors.CodeValidation, "cursor"},
		{"a cursor of junk", get("/v1/users?cursor=canary%00"), errors.CodeValidation, "cursor"},
		{"NUL in a filter", get("/v1/audit?event=%00"), errors.CodeValidation, "event"},
		{"invalid UTF-8 in a filter", get("/v1/audit?event=%ff"), errors.CodeValidation, "event"},
		{"a long filter", get("/v1/audit?event=" + strings.Repeat("x", 201)), errors.CodeValidation, "event"},
		{"an unknown path", get("/canary"), errors.CodeNotFound, ""},
		{"an unknown path below a known one", get(path + "/canary"), errors.CodeNotFound, ""},
		{"another method", request{method: "PUT", path: path, body: `{}`}, errors.CodeMethodNotAllowed, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res := ada.do(tt.request)
			res.t = t
			res.problem(tt.code)
			switch tt.field {
			case "":
			case "*":
				assert.Len(t, res.fields(), 1)
			case "**":
				assert.NotEmpty(t, res.fields())
			default:
				assert.Equal(t, []string{tt.field}, res.fields(), string(res.body))
			}
			if tt.field != "canary" {
				assert.NotContains(t, res.text("detail"), "canary", "the response must not contain the rejected value")
			}
		})
	}
	res := ada.do(request{method: "PUT", path: path, body: `{}`})
	for _, method := range []string{"GET", "DELETE"} {
		assert.Contains(t, res.header.Get("Allow"), method)
	}
	assert.Equal(t, []string{"kept"}, ada.names(), "rejected requests must not store anything")
	assert.Equal(t, http.StatusOK, s.client.get("/readyz").status, "the service must stay ready")
	assert.Empty(t, s.raw, "every log line must be JSON")
}

// A misspelled filter would otherwise return a list without it, and a misspelled field be ignored.
func TestUnknownInputOnEveryRoute(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	owner := s.client.register()
	for _, r := range listRoutes(t) {
		res := owner.do(request{method: r.Method, path: concrete(r.Path) + "?Limit=1", body: bodyOf(r.Method)})
		require.Equal(t, http.StatusBadRequest, res.status, "%s %s: %s", r.Method, r.Path, res.body)
		res.problem(errors.CodeValidation)
		assert.Equal(t, []string{"Limit"}, res.fields(), "%s %s", r.Method, r.Path)
		assert.Contains(t, string(res.body), `"rule":"unknown"`)
		if body := bodyOf(r.Method); body != nil {
			res = owner.do(request{method: r.Method, path: concrete(r.Path), header: map[string]string{"If-Match": "*"}, body: body})
			require.Equal(t, http.StatusBadRequest, res.status, "%s %s: %s", r.Method, r.Path, res.body)
			assert.Equal(t, []string{"no_such_field"}, res.fields(), "%s %s", r.Method, r.Path)
		}
	}
	assert.Equal(t, http.StatusOK, owner.get("/v1/users?limit=1").status)
}
