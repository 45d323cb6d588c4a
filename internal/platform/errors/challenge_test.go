package errors_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

func TestChallenge(t *testing.T) {
	t.Parallel()
	for code, want := range map[errors.Code]string{
		errors.CodeAuthRequired:       `Bearer`,
		errors.CodeInvalidCredentials: `Bearer`,
		errors.CodeTokenExpired:       `Bearer error="invalid_token", error_description="The access token has expired"`,
		errors.CodeTokenInvalid:       `Bearer error="invalid_token", error_description="The access token is not valid"`,
		errors.CodeTokenRevoked:       `Bearer error="invalid_token", error_description="The access token has been revoked"`,
	} {
		assert.Equal(t, want, failing(t, errors.New(code, "")).Header().Get("WWW-Authenticate"), code)
	}
}

// RFC 6750, section 3: an error_description has no quotes, no backslashes and nothing beyond printable ASCII.
func TestDescriptionOfAChallengeIsPlainASCII(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]string{
		"The API key has expired":     `The API key has expired`,
		"say \"no\" to C:\\":          `say 'no' to C:?`,
		"line\r\nSet-Cookie: a=é\x7f": `line??Set-Cookie: a=??`,
	} {
		got := failing(t, errors.New(errors.CodeTokenExpired, message)).Header().Get("WWW-Authenticate")
		assert.Equal(t, `Bearer error="invalid_token", error_description="`+want+`"`, got)
	}
}

func TestMissingPermissionIsNamedInTheChallenge(t *testing.T) {
	t.Parallel()
	for permission, want := range map[string]string{
		"notes:write": `Bearer error="insufficient_scope", scope="notes:write"`,
		"":            `Bearer error="insufficient_scope"`,
		`a"b`:         `Bearer error="insufficient_scope"`,
		"a b":         `Bearer error="insufficient_scope"`,
		"a\r\nb":      `Bearer error="insufficient_scope"`,
	} {
		w := failing(t, errors.PermissionDenied(permission))
		assert.Equal(t, want, w.Header().Get("WWW-Authenticate"), permission)
	}
	assert.Empty(t, failing(t, errors.New(errors.CodeTenantAccessDenied, "")).Header().Get("WWW-Authenticate"))
}
