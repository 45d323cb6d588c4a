package auth

import "strings"

// bearer returns the token of the values of the Authorization header (RFC 6750, section 2.1). It is "" where none of them
// offers one: no header, an empty one, or another scheme.
func bearer(values []string) (string, refusal) {
	if len(values) > 1 {
		return "", refusedSeveral
	}
	if len(values) == 0 || values[0] == "" {
		return "", ""
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", ""
	}
	if token == "" || strings.Contains(token, " ") || strings.Contains(token, "\t") {
		return "", refusedHeader
	}
	return token, ""
}
