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
		"128 characters":             {strings.Repeat("é xkzvqw", 16), "", ""},
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

// Password crackers try these patterns.
func TestCommonPasswordPatterns(t *testing.T) {
	t.Parallel()
	for _, weak := range []string{
		"            ", "\u00a0 \u2003\u2009 \u00a0 \u2003\u2009 \u00a0 \u2003", "aaaaaaaaaaaaa", "121212121212", "abcabcabcabcabc", "xyzwxyzwxyzw",
		"monkey12monkey12", "monkeymonkey99", "Dragon!Dragon!", "sunshinesunshine", "hunter2hunter2",
		"monkey20242024", "2024!!sunshine", "Liverpool2025", "Elizabeth1985!", "charlie19991231", "P@ssw0rd2026!", "$unsh1ne2024", "welc0m3!!2024",
		"Butterfly1234", "september2026", "!!!Manchester!!!", "tr1n1ty1999!",
		"qwertyuiopas", "poiuytrewqlkj", "1qaz2wsx3edc4rfv", "zaq1xsw2cde3", "qwertzuiopyx", "azertyuiop12", "asdfghjkl;'123", "1q2w3e4r5t6y7u",
		"abcdefgh12345678", "9876543210987", "!@#$%^&*()qwer", "aaaabbbbcccc", "111122223333", "QWERTYasdfgh",
	} {
		err := auth.CheckPassword(weak, "")
		require.Error(t, err, weak)
		assert.Equal(t, "common", errors.From(err).Details["fields"].([]errors.FieldError)[0].Rule, weak)
	}
	for _, good := range []string{
		"violet harbour lanterns", "monkey wrench in the gears", "xkzvqwmnptrh", "847362910573", "dragon84736291057", "correct-horse-7713-battery",
		"Tr0ub4dor&3-and-more", "poster retro doors", "S3cure-Passw0rd-9x", "\u5bc6\u7801\u4e0d\u662f\u8fd9\u4e2a\u5929\u4e0a\u7684\u661f\u661f\u5f88\u4eae",
		"password1234 it is not", "sunset over lisbon", "aB3$kLm9!pQz",
	} {
		assert.NoError(t, auth.CheckPassword(good, ""), good)
	}
}

// An entry that is too short or not in lower case would never match.
func TestCommonPasswordListsCanMatch(t *testing.T) {
	t.Parallel()
	require.Greater(t, len(auth.CommonPasswords), 200)
	for p := range auth.CommonPasswords {
		assert.GreaterOrEqual(t, utf8.RuneCountInString(p), 12, p)
		assert.Equal(t, strings.ToLower(p), p)
	}
	require.Greater(t, len(auth.CommonWords), 1000)
	for w := range auth.CommonWords {
		assert.Regexp(t, "^[a-z]{4,}$", w)
	}
}

// No text may cause a panic or another error than a VALIDATION_ERROR.
func FuzzCheckPassword(f *testing.F) {
	for _, seed := range []string{"", password, "password1234", "$$$$1337monkey", strings.Repeat("ab", 64), strings.Repeat("\u0301", 128), "\xff"} {
		f.Add(seed, "ann@example.com")
	}
	f.Fuzz(func(t *testing.T, password, email string) {
		err := auth.CheckPassword(password, email)
		if err == nil {
			require.True(t, utf8.ValidString(password))
			return
		}
		require.True(t, errors.HasCode(err, errors.CodeValidation))
	})
}
