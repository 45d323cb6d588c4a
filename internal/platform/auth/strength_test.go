package auth_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

func TestCheckPassword(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ password, email, rule string }{
		"good":                       {password, "ann@example.com", ""},
		"12 characters":              {"xkzvqwmnptrh", "", ""},
		"11 characters":              {"xkzvqwmnptr", "", "min_length"},
		"11 characters in 22 bytes":  {strings.Repeat("é", 11), "", "min_length"},
		"12 composed by parts":       {strings.Repeat("e\u0301", 11), "", "min_length"},
		"empty":                      {"", "", "min_length"},
		"128 characters":             {strings.Repeat("é", 128), "", ""},
		"129 characters":             {strings.Repeat("x", 129), "", "max_length"},
		"common":                     {"password1234", "", "common"},
		"common in another case":     {"PassWord1234", "", "common"},
		"common and more":            {"password1234 it is not", "", ""},
		"name of the email":          {"my name is annabel!", "annabel@example.com", "contains_email"},
		"name in another case":       {"my name is Annabel!", "ANNABEL@example.com", "contains_email"},
		"short names are everywhere": {"a banana, an anorak", "an@example.com", ""},
		"the domain may be there":    {"example.com is mine", "annabel@example.com", ""},
		"invalid UTF-8":              {"xkzvqwmnptrh\xff", "", "encoding"},
	} {
		err := auth.CheckPassword(c.password, c.email)
		if c.rule == "" {
			assert.NoError(t, err, name)
			continue
		}
		e, ok := errors.AsType[*errors.Error](err)
		require.True(t, ok, name)
		assert.Equal(t, errors.CodeValidation, e.Code, name)
		fields := e.Details["fields"].([]errors.FieldError)
		require.Len(t, fields, 1, name)
		assert.Equal(t, "password", fields[0].Field, name)
		assert.Equal(t, c.rule, fields[0].Rule, name)
		if c.password != "" {
			assert.NotContains(t, fields[0].Message, c.password, name)
		}
	}
}

// What is shorter than the least length, or not in lower case, would never match.
func TestCommonPasswordsCanMatch(t *testing.T) {
	t.Parallel()
	require.Greater(t, len(auth.CommonPasswords), 200)
	for p := range auth.CommonPasswords {
		assert.GreaterOrEqual(t, utf8.RuneCountInString(p), 12, p)
		assert.Equal(t, strings.ToLower(p), p)
	}
}
