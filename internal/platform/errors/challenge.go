package errors

import (
	"net/http"
	"strings"
)

// challenge returns the WWW-Authenticate of an error, "" for none: any 401 has one, and a 403 for a permission that is
// missing. It names an error only where a token was presented and refused, as RFC 6750, section 3.1 asks.
func challenge(e *Error) string {
	switch e.Code {
	case CodeTokenExpired, CodeTokenInvalid, CodeTokenRevoked:
		return `Bearer error="invalid_token", error_description="` + description(e.message()) + `"`
	case CodePermissionDenied:
		c := `Bearer error="insufficient_scope"`
		if scope, ok := e.Details["permission"].(string); ok && isScope(scope) {
			c += `, scope="` + scope + `"`
		}
		return c
	}
	if e.Status() == http.StatusUnauthorized {
		return "Bearer"
	}
	return ""
}

// description returns text in the characters of an error_description: printable ASCII without quotes and backslashes.
func description(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '"':
			return '\''
		case r < ' ' || r > '~' || r == '\\':
			return '?'
		}
		return r
	}, text)
}

// isScope reports whether text is a scope-token of RFC 6749, section 3.3.
func isScope(text string) bool {
	return text != "" && strings.IndexFunc(text, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) < 0
}
