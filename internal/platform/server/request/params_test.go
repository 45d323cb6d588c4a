package request_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/server/request"
)

func get(t testing.TB, query string) echo.Context {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.URL.RawQuery = query
	return contextOf(r)
}

func TestUUID(t *testing.T) {
	t.Parallel()
	const id = "01890a5d-ac96-774b-bcce-b302099a8057"
	c := get(t, "")
	c.SetParamNames("id")
	c.SetParamValues(id)
	got, err := request.UUID(c, "id")
	require.NoError(t, err)
	assert.Equal(t, id, got.String())
	c.SetParamValues(strings.ToUpper(id))
	got, err = request.UUID(c, "id")
	require.NoError(t, err)
	assert.Equal(t, id, got.String(), "in capitals")

	for _, bad := range []string{
		"", "42", "{" + id + "}", "urn:uuid:" + id, strings.ReplaceAll(id, "-", ""), id + "0", "x" + id[1:],
	} {
		c.SetParamValues(bad)
		_, err = request.UUID(c, "id")
		field := refusal(t, err)
		assert.Equal(t, "id", field.Field)
		assert.Equal(t, "uuid", field.Rule)
	}

	// Echo's last parameter takes the rest of the path, so this is a path without a route.
	c.SetParamValues(id + "/more")
	_, err = request.UUID(c, "id")
	assert.True(t, errors.HasCode(err, errors.CodeNotFound), err)
}

func TestInt(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]int{"": 20, "other=x": 20, "limit=1": 1, "limit=100": 100, "limit=%35": 5} {
		got, err := request.Int(get(t, query), "limit", 20, 1, 100)
		require.NoError(t, err, query)
		assert.Equal(t, want, got, query)
	}
	for query, rule := range map[string]string{
		"limit=":                     "type",
		"limit=ten":                  "type",
		"limit=1.5":                  "type",
		"limit=0x10":                 "type",
		"limit=0":                    "range",
		"limit=101":                  "range",
		"limit=-1":                   "range",
		"limit=99999999999999999999": "range",
		"limit=1&limit=2":            "duplicate",
		"limit=%zz":                  "format",
		"a=1;limit=5":                "format",
	} {
		_, err := request.Int(get(t, query), "limit", 20, 1, 100)
		assert.Equal(t, rule, refusal(t, err).Rule, query)
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{"": "", "q=": "", "q=a+b": "a b", "q=%C3%A9%C3%A9%C3%A9": "ééé"} {
		got, err := request.Text(get(t, query), "q", 3)
		require.NoError(t, err, query)
		assert.Equal(t, want, got, query)
	}
	for query, rule := range map[string]string{
		"q=abcd": "max_length", "q=%00": "characters", "q=%ff": "characters", "q=a&q=b": "duplicate", "q=%": "format",
	} {
		_, err := request.Text(get(t, query), "q", 3)
		assert.Equal(t, rule, refusal(t, err).Rule, query)
	}
}

func TestEnum(t *testing.T) {
	t.Parallel()
	type color string
	for query, want := range map[string]color{"": "", "color=red": "red", "color=gr%65en": "green"} {
		got, err := request.Enum[color](get(t, query), "color", "red", "green")
		require.NoError(t, err, query)
		assert.Equal(t, want, got, query)
	}
	for query, rule := range map[string]string{
		"color=": "one_of", "color=blue": "one_of", "color=Red": "one_of", "color=red&color=red": "duplicate", "color=%": "format",
	} {
		_, err := request.Enum[color](get(t, query), "color", "red", "green")
		field := refusal(t, err)
		assert.Equal(t, rule, field.Rule, query)
		assert.NotContains(t, field.Message, "blue")
	}
}

func TestKnownQuery(t *testing.T) {
	t.Parallel()
	for _, query := range []string{"", "q=", "q=1&q=2", "limit=1&q=x"} {
		assert.NoError(t, request.KnownQuery(get(t, query), "q", "limit"), query)
	}
	for query, field := range map[string]string{
		"canary=1": "canary", "q=1&Q=1": "Q", "q[]=1": "q[]", "q=1&%ff": "\uFFFD", "=1": "", "q=1;x": "query", "%zz=1": "query",
		strings.Repeat("x", 5000): strings.Repeat("x", 128) + "…",
	} {
		assert.Equal(t, field, refusal(t, request.KnownQuery(get(t, query), "q", "limit")).Field, query)
	}
}

func TestIncludeAddsTheProblemsOfAnotherCheck(t *testing.T) {
	t.Parallel()
	var check request.Check
	check.Include("password", nil)
	check.Include("password", errors.New(errors.CodeConflict, ""))
	check.Include("password", errors.New(errors.CodeValidation, "without fields"))
	assert.NoError(t, check.Err())

	check.Add("name", "required", "must not be blank")
	check.Include("new_password", errors.Invalid("password", "min_length", "must have at least 12 characters"))
	assert.Equal(t, []errors.FieldError{
		{Field: "name", Rule: "required", Message: "must not be blank"},
		{Field: "new_password", Rule: "min_length", Message: "must have at least 12 characters"},
	}, errors.From(check.Err()).Details["fields"])
}

func TestCheckText(t *testing.T) {
	t.Parallel()
	for value, rule := range map[string]string{
		"":         "required",
		" \t\n":    "required",
		"a":        "min_length",
		"ab":       "",
		"ééééé":    "",
		"éééééé":   "max_length",
		"a\x00b":   "characters",
		"a\xffb":   "characters",
		"a\nb\t ü": "max_length",
	} {
		var v request.Check
		v.Text("title", value, 2, 5)
		if rule == "" {
			require.NoError(t, v.Err(), "%q", value)
			continue
		}
		field := refusal(t, v.Err())
		assert.Equal(t, "title", field.Field)
		assert.Equal(t, rule, field.Rule, "%q", value)
	}
	var v request.Check
	v.Text("body", "", 0, 5)
	assert.NoError(t, v.Err(), "an optional text may be empty")
}

func TestCheckEmail(t *testing.T) {
	t.Parallel()
	for value, rule := range map[string]string{
		"a@example.com":                          "",
		"first.last+tag@sub.example.com":         "",
		"ü@example.com":                          "",
		"":                                       "required",
		"a":                                      "email",
		"a@":                                     "email",
		"@example.com":                           "email",
		"a@b@c":                                  "email",
		"Bob <a@example.com>":                    "email",
		"<a@example.com>":                        "email",
		"a@example.com (bob)":                    "email",
		`"a b"@example.com`:                      "email",
		"a@[127.0.0.1]":                          "email",
		"a@example..com":                         "email",
		" a@example.com":                         "email",
		"a@example.com\r\nBcc: b@c.de":           "email",
		"a\x00@example.com":                      "email",
		"a\u202e@example.com":                    "email",
		"a\u200b@example.com":                    "email",
		"a@exa\u2066mple.com":                    "email",
		strings.Repeat("a", 65) + "@example.com": "email",
		"a@" + strings.Repeat("b.", 130) + "com": "max_length",
	} {
		var v request.Check
		v.Email("email", value)
		if rule == "" {
			assert.NoError(t, v.Err(), value)
			continue
		}
		assert.Equal(t, rule, refusal(t, v.Err()).Rule, value)
	}
}

func TestCheckOneOfAndRange(t *testing.T) {
	t.Parallel()
	type currency string
	for value, rule := range map[currency]string{"EUR": "", "USD": "", "": "one_of", "eur": "one_of", "EUR ": "one_of"} {
		var v request.Check
		request.OneOf(&v, "currency", value, "EUR", "USD")
		if rule == "" {
			assert.NoError(t, v.Err(), value)
			continue
		}
		assert.Equal(t, errors.FieldError{Field: "currency", Rule: rule, Message: "must be one of EUR, USD"}, refusal(t, v.Err()))
	}
	for value, ok := range map[int64]bool{1: true, request.MaxMoney: true, 0: false, -1: false, request.MaxMoney + 1: false} {
		var v request.Check
		v.Range("amount", value, 1, request.MaxMoney)
		assert.Equal(t, ok, v.Err() == nil, value)
		if !ok {
			assert.Equal(t, "range", refusal(t, v.Err()).Rule)
		}
	}
}

func TestDate(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{
		"2026-01-31": true, "2024-02-29": true, "0001-01-01": true, "9999-12-31": true,
		"": false, "0000-01-01": false, "2026-02-29": false, "2026-13-01": false, "2026-1-31": false, "26-01-31": false,
		"2026-01-31T00:00:00Z": false, " 2026-01-31": false, "12026-01-31": false, "31.01.2026": false, "2026-01-31\x00": false,
	} {
		var d request.Date
		err := d.UnmarshalText([]byte(text))
		assert.Equal(t, ok, err == nil, text)
		if ok {
			assert.Equal(t, request.Date(text), d)
		}
	}
}

func FuzzDate(f *testing.F) {
	f.Add("2026-01-31")
	f.Add("2024-02-30")
	f.Fuzz(func(t *testing.T, text string) {
		var d request.Date
		if d.UnmarshalText([]byte(text)) == nil && (len(text) != 10 || string(d) != text) {
			t.Fatalf("%q is taken as %q", text, d)
		}
	})
}

func TestCheckReportsEveryProblem(t *testing.T) {
	t.Parallel()
	var v request.Check
	require.NoError(t, v.Err())
	v.Text("title", "", 1, 5)
	v.Add("role", "oneof", "must be owner, admin, member or viewer")
	err := v.Err()
	v.Add("late", "x", "y")
	fields, _ := errors.From(err).Details["fields"].([]errors.FieldError)
	assert.Len(t, fields, 2, "a later Add does not change the returned error")
}
