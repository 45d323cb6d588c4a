package request_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/server/request"
)

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

func TestCheckTellsEverythingAtOnce(t *testing.T) {
	t.Parallel()
	var v request.Check
	require.NoError(t, v.Err())
	v.Text("title", "", 1, 5)
	v.Add("role", "oneof", "must be owner, admin, member or viewer")
	err := v.Err()
	v.Add("late", "x", "y")
	fields, _ := errors.From(err).Details["fields"].([]errors.FieldError)
	assert.Len(t, fields, 2, "what is added later does not change an error that was returned")
}
