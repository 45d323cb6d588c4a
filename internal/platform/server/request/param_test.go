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
