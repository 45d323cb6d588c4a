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
		"weak":          {[]string{`W/"7"`}, false},
		"weak and more": {[]string{`W/"7", "7"`}, true},
		"weak elements": {[]string{`"6", W/"7"`}, false},
		"not ASCII":     {[]string{"\"\xff\""}, false},
	}
	for name, tt := range tests {
		c := get(t, "")
		c.Request().Header["If-Match"] = tt.headers
		tags, err := request.IfMatch(c)
		require.NoError(t, err, name)
		assert.Equal(t, tt.match, tags.Match(`"7"`), name)
	}
}

func TestIfMatchRefusesMalformedHeaders(t *testing.T) {
	t.Parallel()
	_, err := request.IfMatch(get(t, ""))
	assert.True(t, errors.HasCode(err, errors.CodePreconditionRequired))
	for _, bad := range []string{``, `,`, `7`, `"7`, `7"`, `w/"7"`, `*, "7"`, `"6" "7"`, "\"a b\"", "\"\x7f\""} {
		c := get(t, "")
		c.Request().Header.Set("If-Match", bad)
		_, err = request.IfMatch(c)
		field := refusal(t, err)
		assert.Equal(t, "If-Match", field.Field, bad)
		assert.Equal(t, "etag", field.Rule, bad)
	}
	assert.False(t, request.ETags{}.Match(`"7"`))
}

func TestIfMatchChecksTheVersion(t *testing.T) {
	t.Parallel()
	assert.Equal(t, `"7"`, request.ETag(7))
	c := get(t, "")
	every, err := request.OptionalIfMatch(c)
	require.NoError(t, err)
	assert.NoError(t, every.Check(7), "without the header every version matches")
	c.Request().Header.Set("If-Match", `"6", "7"`)
	some, err := request.OptionalIfMatch(c)
	require.NoError(t, err)
	assert.NoError(t, some.Check(7))
	assert.True(t, errors.HasCode(some.Check(8), errors.CodePreconditionFailed))
	assert.True(t, errors.HasCode(request.ETags(nil).Check(7), errors.CodePreconditionFailed))
	c.Request().Header.Set("If-Match", `7`)
	_, err = request.OptionalIfMatch(c)
	assert.Equal(t, "etag", refusal(t, err).Rule)
}

func FuzzIfMatch(f *testing.F) {
	for _, seed := range []string{`"7"`, `*`, `"a","b"`, `W/"7"`, `"a`, ` , "x" , `, "\"\xff\""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		c := get(t, "")
		c.Request().Header["If-Match"] = []string{header}
		tags, err := request.IfMatch(c)
		if err != nil && tags.Match(`"7"`) {
			t.Fatalf("%q is refused and matches", header)
		}
		if tags.Match(`"7"`) && !strings.Contains(header, `"7"`) && strings.Trim(header, " \t") != "*" {
			t.Fatalf("%q matches a tag that is not in it", header)
		}
		if err == nil && len(tags) == 0 {
			t.Fatalf("%q is accepted without a tag", header)
		}
	})
}
