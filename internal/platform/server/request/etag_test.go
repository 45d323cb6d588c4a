package request_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/server/request"
)

func TestIfMatch(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		headers []string
		match   bool
	}{
		"one":           {[]string{`"7"`}, true},
		"another":       {[]string{`"8"`}, false},
		"list":          {[]string{`"6", "7"`}, true},
		"several lines": {[]string{`"6"`, `"7"`}, true},
		"empty members": {[]string{`, "6",, "7" ,`}, true},
		"comma inside":  {[]string{`"6,7"`}, false},
		"any":           {[]string{` * `}, true},
		"empty tag":     {[]string{`""`}, false},
		"not ASCII":     {[]string{"\"\xff\""}, false},
	}
	for name, tt := range tests {
		c := get(t, "")
		c.Request().Header["If-Match"] = tt.headers
		tags, err := request.IfMatch(c)
		require.NoError(t, err, name)
		assert.Equal(t, tt.match, tags.Match(`"7"`), name)
		assert.Equal(t, name == "any", tags.Any(), name)
	}
}

func TestIfMatchRefuses(t *testing.T) {
	t.Parallel()
	_, err := request.IfMatch(get(t, ""))
	assert.True(t, errors.HasCode(err, errors.CodePreconditionRequired))
	for _, bad := range []string{``, `,`, `7`, `"7`, `7"`, `W/"7"`, `w/"7"`, `"6", W/"7"`, `*, "7"`, `"6" "7"`, "\"a b\"", "\"\x7f\""} {
		c := get(t, "")
		c.Request().Header.Set("If-Match", bad)
		_, err = request.IfMatch(c)
		field := refusal(t, err)
		assert.Equal(t, "If-Match", field.Field, bad)
		assert.Equal(t, "etag", field.Rule, bad)
	}
	assert.False(t, request.ETags{}.Match(`"7"`))
}

func FuzzParseETags(f *testing.F) {
	for _, seed := range []string{`"7"`, `*`, `"a","b"`, `W/"7"`, `"a`, ` , "x" , `} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		tags, ok := request.ParseETags(header)
		if !ok && (tags.Any() || tags.Match(`"7"`)) {
			t.Fatalf("%q is refused and matches", header)
		}
		if tags.Match(`"7"`) && !tags.Any() && !strings.Contains(header, `"7"`) {
			t.Fatalf("%q matches what it does not hold", header)
		}
	})
}
