package request_test

import (
	"bytes"
	stdjson "encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/server/request"
)

type note struct {
	Title  string    `json:"title"`
	Tags   []string  `json:"tags"`
	Stars  uint8     `json:"stars"`
	Weight float64   `json:"weight"`
	Pinned *bool     `json:"pinned"`
	ID     uuid.UUID `json:"id"`
	Due    time.Time `json:"due"`
	Raw    []byte    `json:"raw"`
	Author struct {
		Name string `json:"name"`
	} `json:"author"`
	Extra any `json:"extra"`
}

func post(t testing.TB, contentType string, body io.Reader) echo.Context {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", body)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return contextOf(r)
}

func decode(t testing.TB, body string) (n note, err error) {
	t.Helper()
	err = request.JSON(post(t, "application/json", strings.NewReader(body)), &n)
	return n, err
}

func TestJSONDecodes(t *testing.T) {
	t.Parallel()
	n, err := decode(t, ` {"title":"a \u00e9 \u0000","tags":["x","y"],"stars":5,"pinned":true,"author":{"name":"b"},"extra":{"a":[1]},
		"id":"01890a5d-ac96-774b-bcce-b302099a8057","due":"2026-01-02T03:04:05Z","raw":"aGk="}  `)
	require.NoError(t, err)
	assert.Equal(t, "a é \x00", n.Title)
	assert.Equal(t, []string{"x", "y"}, n.Tags)
	assert.True(t, *n.Pinned)
	assert.Equal(t, "b", n.Author.Name)
	assert.Equal(t, []byte("hi"), n.Raw)

	n, err = decode(t, `{"title":null,"tags":null,"pinned":null}`)
	require.NoError(t, err)
	assert.Empty(t, n.Title)
}

func TestJSONNamesTheFieldAndRule(t *testing.T) {
	t.Parallel()
	deep := func(n int) string { return `{"extra":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}` }
	tests := map[string]struct{ body, field, rule string }{
		"empty":               {"", "body", "required"},
		"blank":               {" \n", "body", "required"},
		"not JSON":            {"hunter2", "body", "syntax"},
		"truncated":           {`{"title":"hunter2`, "title", "syntax"},
		"unknown field":       {`{"title":"x","hunter":2}`, "hunter", "unknown"},
		"unknown inner field": {`{"author":{"titel":"x"}}`, "author.titel", "unknown"},
		"field in other case": {`{"Title":"hunter2"}`, "Title", "unknown"},
		"repeated field":      {`{"title":"a","title":"hunter2"}`, "title", "duplicate"},
		"repeated, other any": {`{"extra":{"a":1,"a":2}}`, "extra.a", "duplicate"},
		"wrong type":          {`{"title":42}`, "title", "type"},
		"wrong item type":     {`{"tags":["ok",7]}`, "tags.1", "type"},
		"object for array":    {`{"tags":{}}`, "tags", "type"},
		"array for object":    {`{"author":[]}`, "author", "type"},
		"text for bool":       {`{"pinned":"hunter2"}`, "pinned", "type"},
		"text for number":     {`{"weight":"hunter2"}`, "weight", "type"},
		"fraction for whole":  {`{"stars":1.5}`, "stars", "type"},
		"negative":            {`{"stars":-1}`, "stars", "type"},
		"overflow":            {`{"stars":256}`, "stars", "range"},
		"float overflow":      {`{"weight":1e999}`, "weight", "range"},
		"bad UUID":            {`{"id":"hunter2"}`, "id", "uuid"},
		"number for UUID":     {`{"id":42}`, "id", "type"},
		"bad time":            {`{"due":"hunter2"}`, "due", "time"},
		"day without month":   {`{"due":"2026-02-30T00:00:00Z"}`, "due", "time"},
		"bad base64":          {`{"raw":"hunter2!"}`, "raw", "format"},
		"array as the body":   {`[]`, "body", "type"},
		"text as the body":    {`"hunter2"`, "body", "type"},
		"trailing value":      {`{"title":"x"} {"title":"hunter2"}`, "body", "syntax"},
		"trailing garbage":    {`{"title":"x"}hunter2`, "body", "syntax"},
		"invalid UTF-8":       {"{\"title\":\"\xff\"}", "title", "syntax"},
		"lone surrogate":      {`{"title":"\ud800"}`, "title", "syntax"},
		"BOM":                 {"\uFEFF{}", "body", "syntax"},
		"comment":             {`{/* x */}`, "body", "syntax"},
		"trailing comma":      {`{"title":"x",}`, "body", "syntax"},
		"NaN":                 {`{"weight":NaN}`, "weight", "syntax"},
		"too deep":            {deep(64), "body", "max_depth"},
		"far too deep":        {strings.Repeat("[", 500_000), "body", "max_depth"},
		"too many items":      {`{"title":"hunter2","tags":[` + strings.Repeat(`"a,",`, 1000) + `"a"]}`, "tags", "max_items"},
		"far too many items":  {`{"tags":[` + strings.Repeat(`"a",`, 300_000), "tags", "max_items"},
		"items of nothing":    {strings.Repeat(`,`, 2000), "body", "max_items"},
		"list in a list":      {`{"a":[[],{"b":[` + strings.Repeat(`0,`, 1000), "a.1.b", "max_items"},
		"list as the body":    {`[` + strings.Repeat(`{"a":[]},`, 1000), "body", "max_items"},
		"closing brackets":    {strings.Repeat(`]`, 100) + `[1]`, "body", "syntax"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := decode(t, tt.body)
			got := refusal(t, err)
			assert.Equal(t, tt.field, got.Field)
			assert.Equal(t, tt.rule, got.Rule)
			assert.NotContains(t, err.Error()+got.Message, "hunter2")
		})
	}
	_, err := decode(t, deep(63))
	require.NoError(t, err, "63 arrays in an object are 64 levels")
	_, err = decode(t, `{"title":"[[[[\"[[[\\"}`)
	require.NoError(t, err, "brackets in a string do not nest")
	n, err := decode(t, `{"tags":[`+strings.Repeat(`"a",`, 999)+`"a"]}`)
	require.NoError(t, err)
	assert.Len(t, n.Tags, 1000)
}

// money is a type with rules of its own, and scale one that does not state them.
type (
	money struct{ cents int64 }
	scale struct{}
)

func (m *money) UnmarshalJSON(text []byte) (err error) {
	if m.cents, err = strconv.ParseInt(string(text), 10, 64); err != nil {
		return errors.Invalid("money", "money", "must be a whole number of cents")
	}
	return nil
}

func (s *scale) UnmarshalJSON([]byte) error { return errors.Sentinel("hunter2 is no scale") }

func TestJSONTypeNamesItsRule(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]errors.FieldError{
		`{"due":"hunter2"}`:                {Field: "due", Rule: "date", Message: "must be a date such as 2026-01-31"},
		`{"due":""}`:                       {Field: "due", Rule: "date", Message: "must be a date such as 2026-01-31"},
		`{"due":20260131}`:                 {Field: "due", Rule: "type", Message: "must be a string"},
		`{"lines":[{"due":"2026-02-30"}]}`: {Field: "lines.0.due", Rule: "date", Message: "must be a date such as 2026-01-31"},
		`{"price":"hunter2"}`:              {Field: "price", Rule: "money", Message: "must be a whole number of cents"},
		`{"price":1.5}`:                    {Field: "price", Rule: "money", Message: "must be a whole number of cents"},
		`{"price":{}}`:                     {Field: "price", Rule: "money", Message: "must be a whole number of cents"},
		`{"scale":"hunter2"}`:              {Field: "scale", Rule: "format", Message: "is not valid"},
		`{"at":"tomorrow"}`:                {Field: "at", Rule: "time", Message: "must be a time of RFC 3339 such as 2026-01-31T12:00:00Z"},
		`{"ids":["hunter2"]}`:              {Field: "ids.0", Rule: "uuid", Message: "must be a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057"},
	} {
		var in struct {
			Due   request.Date `json:"due"`
			Price money        `json:"price"`
			Scale scale        `json:"scale"`
			At    *time.Time   `json:"at"`
			IDs   []uuid.UUID  `json:"ids"`
			Lines []struct {
				Due request.Date `json:"due"`
			} `json:"lines"`
		}
		assert.Equal(t, want, refusal(t, request.JSON(post(t, "application/json", strings.NewReader(body)), &in)), body)
	}
}

func TestLongFieldNameIsTruncated(t *testing.T) {
	t.Parallel()
	_, err := decode(t, `{"`+strings.Repeat("é", 5000)+`":1}`)
	got := refusal(t, err)
	assert.Less(t, len(got.Field), 140)
	assert.Equal(t, "unknown", got.Rule)
}

func TestMediaType(t *testing.T) {
	t.Parallel()
	for contentType, ok := range map[string]bool{
		"application/json":                    true,
		"Application/JSON; charset=UTF-8":     true,
		"application/merge-patch+json":        false, // null means another thing there
		"application/vnd.api+json":            false,
		"application/json; version=1":         true,
		"":                                    false,
		"text/plain":                          false,
		"text/json":                           false,
		"application/jsonp":                   false,
		"application/x-www-form-urlencoded":   false,
		"application/json; charset=utf-16":    false,
		"application/json, application/json":  false,
		"application/json; charset":           false,
		"multipart/form-data; boundary=xxxxx": false,
	} {
		var n note
		err := request.JSON(post(t, contentType, strings.NewReader(`{}`)), &n)
		assert.Equal(t, ok, err == nil, contentType)
		assert.Equal(t, !ok, errors.HasCode(err, errors.CodeUnsupportedMediaType), contentType)
	}
	c := post(t, "application/json", strings.NewReader(`{}`))
	c.Request().Header.Add("Content-Type", "text/plain")
	assert.True(t, errors.HasCode(request.JSON(c, &note{}), errors.CodeUnsupportedMediaType), "two types")
	for _, tt := range []struct {
		lines []string
		ok    bool
	}{
		{[]string{"gzip"}, false}, {[]string{"identity", "gzip"}, false}, {[]string{"", "br"}, false}, {[]string{"identity, gzip"}, false},
		{[]string{"identity"}, true}, {[]string{"Identity", "identity"}, true}, {[]string{"identity, identity"}, true}, {[]string{""}, true},
	} {
		c = post(t, "application/json", strings.NewReader(`{}`))
		c.Request().Header["Content-Encoding"] = tt.lines
		err := request.JSON(c, &note{})
		assert.Equal(t, tt.ok, err == nil, tt.lines)
		assert.Equal(t, !tt.ok, errors.HasCode(err, errors.CodeUnsupportedMediaType), tt.lines)
	}
	assert.Equal(t, "required", refusal(t, request.JSON(post(t, "", nil), &note{})).Rule)
}

func TestReadErrors(t *testing.T) {
	t.Parallel()
	broken := func(err error) io.Reader { return io.MultiReader(strings.NewReader(`{"ti`), iotest.ErrReader(err)) }
	for name, tt := range map[string]struct {
		body io.Reader
		want errors.Code
	}{
		"too large":     {http.MaxBytesReader(nil, io.NopCloser(strings.NewReader(`{"title":"abc"}`)), 10), errors.CodePayloadTooLarge},
		"too slow":      {broken(&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}), errors.CodeRequestTimeout},
		"client gone":   {broken(io.ErrUnexpectedEOF), errors.CodeClientClosedRequest},
		"reset":         {broken(&net.OpError{Op: "read", Err: syscall.ECONNRESET}), errors.CodeClientClosedRequest},
		"broken chunks": {broken(errors.Sentinel("malformed chunked encoding")), errors.CodeValidation},
	} {
		err := request.JSON(post(t, "application/json", tt.body), &note{})
		require.Error(t, err, name)
		assert.Equal(t, tt.want, errors.From(err).Code, name)
	}
}

// A list over its limit is refused before it is decoded, and a Content-Length allocates nothing.
func TestRefusedBodyCostsLittleMemory(t *testing.T) {
	for name, body := range map[string]string{
		"items":          `{"tags":[` + strings.Repeat(`"a",`, 250_000) + `"a"]}`,
		"Content-Length": `{"title":"x"}`,
	} {
		c := post(t, "application/json", strings.NewReader(body))
		c.Request().ContentLength = 1 << 30
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_ = request.JSON(c, &note{})
		runtime.ReadMemStats(&after)
		assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(6*len(body)+64<<10), "%s: bytes for a body of %d", name, len(body))
	}
}

func FuzzJSON(f *testing.F) {
	for _, seed := range []string{`{"title":"x","tags":["a"]}`, `{"title":1}`, `{"a":1}`, `[`, `{"title":"\ud800"}`, `{"extra":[[[{}]]]}`, `{"tags":[` + strings.Repeat("0,", 1001)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var n note
		err := request.JSON(post(t, "application/json", bytes.NewReader(body)), &n)
		if err == nil {
			if !stdjson.Valid(body) {
				t.Fatalf("taken, and no JSON: %q", body)
			}
			return
		}
		if got := errors.From(err); got.Code != errors.CodeValidation {
			t.Fatalf("%q: %v", body, err)
		}
		if got := refusal(t, err); got.Field == "" || got.Rule == "" || len(got.Field) > 140 {
			t.Fatalf("%q: %+v", body, got)
		}
	})
}

func BenchmarkJSON(b *testing.B) {
	body := `{"title":"A note","tags":["work","home"],"stars":5,"author":{"name":"bob"}}`
	c := post(b, "application/json", strings.NewReader(body))
	b.Run("request.JSON", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c.Request().Body = io.NopCloser(strings.NewReader(body))
			var n note
			if err := request.JSON(c, &n); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("echo.Bind", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c.Request().Body = io.NopCloser(strings.NewReader(body))
			var n note
			if err := c.Bind(&n); err != nil {
				b.Fatal(err)
			}
		}
	})
}
