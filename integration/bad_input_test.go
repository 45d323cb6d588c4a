package integration

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

func TestBadInputIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	ada := s.client.register()
	note := "/v1/notes/" + ada.note("a note")
	post := func(body any) request { return request{method: "POST", path: "/v1/notes", body: body} }
	with := func(r request, name, value string) request {
		r.header = map[string]string{name: value}
		return r
	}
	large := `{"title":"x","body":"` + strings.Repeat("x", 2<<20) + `"}`
	tests := []struct {
		name    string
		request request
		code    errors.Code
		field   string
	}{
		{"2 MiB", post(large), errors.CodePayloadTooLarge, ""},
		{"2 MiB, chunked", post(io.MultiReader(strings.NewReader(large))), errors.CodePayloadTooLarge, ""},
		{"deep JSON", post(strings.Repeat(`{"title":`, 100_000)), errors.CodeValidation, "*"},
		{"deep array", post(`{"title":"x","tags":` + strings.Repeat(`[`, 100_000)), errors.CodeValidation, "*"},
		{"no body", post(nil), errors.CodeValidation, "body"},
		{"empty body", post(""), errors.CodeValidation, "body"},
		{"no JSON", post("title=x"), errors.CodeValidation, "body"},
		{"an array", post(`[]`), errors.CodeValidation, "*"},
		{"null", post(`null`), errors.CodeValidation, "*"},
		{"trailing garbage", post(`{"title":"x"} canary`), errors.CodeValidation, "*"},
		{"a second value", post(`{"title":"x"}{}`), errors.CodeValidation, "*"},
		{"an unknown field", post(`{"title":"x","canary":1}`), errors.CodeValidation, "canary"},
		{"a field in another case", post(`{"Title":"x"}`), errors.CodeValidation, "Title"},
		{"a field twice", post(`{"title":"x","title":"y"}`), errors.CodeValidation, "title"},
		{"a wrong type", post(`{"title":1}`), errors.CodeValidation, "title"},
		{"a wrong type inside", post(`{"title":"x","tags":["a",{}]}`), errors.CodeValidation, "tags.1"},
		{"NUL in text", post(`{"title":"can\u0000ary"}`), errors.CodeValidation, "title"},
		{"NUL in a tag", post(`{"title":"x","tags":["\u0000"]}`), errors.CodeValidation, "tags.0"},
		{"invalid UTF-8", post("{\"title\":\"\xff\"}"), errors.CodeValidation, "*"},
		{"no title", post(`{}`), errors.CodeValidation, "title"},
		{"a long title", post(`{"title":"` + strings.Repeat("é", 201) + `"}`), errors.CodeValidation, "title"},
		{"many tags", post(`{"title":"x","tags":[` + strings.Repeat(`"a",`, 20) + `"a"]}`), errors.CodeValidation, "tags"},
		{"another media type", with(post(`{"title":"x"}`), "Content-Type", "text/plain"), errors.CodeUnsupportedMediaType, ""},
		{"another charset", with(post(`{"title":"x"}`), "Content-Type", "application/json; charset=utf-16"), errors.CodeUnsupportedMediaType, ""},
		{"a bad UUID", request{method: "GET", path: "/v1/notes/canary"}, errors.CodeValidation, "id"},
		{"a braced UUID", request{method: "GET", path: "/v1/notes/%7B" + uuid.NewString() + "%7D"}, errors.CodeValidation, "id"},
		{"an injected UUID", request{method: "GET", path: "/v1/notes/1%27%20or%20%271%27=%271"}, errors.CodeValidation, "id"},
		{"limit too large", request{method: "GET", path: "/v1/notes?limit=999999999"}, errors.CodeValidation, "limit"},
		{"limit beyond int64", request{method: "GET", path: "/v1/notes?limit=99999999999999999999"}, errors.CodeValidation, "limit"},
		{"limit zero", request{method: "GET", path: "/v1/notes?limit=0"}, errors.CodeValidation, "limit"},
		{"limit negative", request{method: "GET", path: "/v1/notes?limit=-1"}, errors.CodeValidation, "limit"},
		{"limit no number", request{method: "GET", path: "/v1/notes?limit=canary"}, errors.CodeValidation, "limit"},
		{"limit twice", request{method: "GET", path: "/v1/notes?limit=1&limit=2"}, errors.CodeValidation, "limit"},
		{"a forged cursor", request{method: "GET", path: "/v1/notes?cursor=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}, errors.CodeValidation, "cursor"},
		{"a cursor of junk", request{method: "GET", path: "/v1/notes?cursor=canary%00"}, errors.CodeValidation, "cursor"},
		{"NUL in a search", request{method: "GET", path: "/v1/notes?q=%00"}, errors.CodeValidation, "q"},
		{"invalid UTF-8 in a search", request{method: "GET", path: "/v1/notes?q=%ff"}, errors.CodeValidation, "q"},
		{"a long search", request{method: "GET", path: "/v1/notes?q=" + strings.Repeat("x", 201)}, errors.CodeValidation, "q"},
		{"NUL in a tag filter", request{method: "GET", path: "/v1/notes?tag=%00"}, errors.CodeValidation, "tag"},
		{"a malformed If-Match", with(request{method: "PATCH", path: note, body: `{"title":"y"}`}, "If-Match", "canary"), errors.CodeValidation, "If-Match"},
		{"an unknown path", request{method: "GET", path: "/canary"}, errors.CodeNotFound, ""},
		{"an unknown path below a known one", request{method: "GET", path: "/v1/notes/" + uuid.NewString() + "/canary"}, errors.CodeNotFound, ""},
		{"another method", request{method: "PUT", path: note, body: `{}`}, errors.CodeMethodNotAllowed, ""},
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
			default:
				assert.Equal(t, []string{tt.field}, res.fields(), string(res.body))
			}
			if tt.field != "canary" {
				assert.NotContains(t, res.text("detail"), "canary", "the refused value is not repeated")
			}
		})
	}
	res := ada.do(request{method: "PUT", path: note, body: `{}`})
	for _, method := range []string{"GET", "PATCH", "DELETE"} {
		assert.Contains(t, res.header.Get("Allow"), method)
	}
	assert.Equal(t, []string{"a note"}, ada.titles(""), "nothing of it was stored")
	assert.Equal(t, http.StatusOK, s.client.get("/readyz").status, "and the service is well")
	assert.Empty(t, s.raw, "every log line is JSON")
}
