package logging

import (
	"encoding/base64"
	"strings"
)

// keyShape is how the API keys of one issuer look: a prefix, then at least min bytes of the base64url alphabet. With
// mixed, fewer than 16 bytes count only with a digit or a capital among them, so that words do not.
type keyShape struct {
	prefix string
	min    int
	mixed  bool
}

// The shapes by the last byte of their prefix.
var (
	dashShapes = []keyShape{
		{"sk-", 6, true}, {"sk-ant-", 1, false}, {"sk-proj-", 1, false}, {"glpat-", 10, false},
		{"xoxb-", 6, false}, {"xoxp-", 6, false}, {"xoxa-", 6, false}, {"xoxr-", 6, false}, {"xoxs-", 6, false},
	}
	lowShapes = []keyShape{
		{"ghp_", 10, false}, {"gho_", 10, false}, {"ghu_", 10, false}, {"ghs_", 10, false}, {"ghr_", 10, false},
		{"github_pat_", 10, false}, {"sk_live_", 6, false}, {"sk_test_", 6, false}, {"rk_live_", 6, false},
		{"whsec_", 10, false}, {"npm_", 20, false}, {"hf_", 20, false}, {"gsk_", 16, false},
		{"ak_", 40, false}, {"rt_", 40, false}, // API keys and refresh tokens of this service
	}
	awsShapes    = []keyShape{{"AKI", 17, false}, {"ASI", 17, false}} // AKIA…, ASIA…
	googleShapes = []keyShape{{"AIz", 30, false}}
)

// keyShapeAt finds an API key whose prefix ends at i. The two bytes before tell most texts apart at once.
func keyShapeAt(s string, i, from int) (start, end int, found bool) {
	if i < from+2 {
		return 0, 0, false
	}
	var shapes []keyShape
	switch s[i] {
	case 'J':
		return jwtAt(s, i, from)
	case '-':
		switch s[i-2 : i] {
		case "sk", "nt", "oj", "at", "xb", "xp", "xa", "xr", "xs":
			shapes = dashShapes
		}
	case '_':
		switch s[i-2 : i] {
		case "hp", "ho", "hu", "hs", "hr", "at", "ve", "st", "ec", "pm", "hf", "sk", "ak", "rt":
			shapes = lowShapes
		}
	case 'I':
		shapes = awsShapes
	case 'z':
		shapes = googleShapes
	}
	for _, shape := range shapes {
		start = i + 1 - len(shape.prefix)
		if start < from || s[start:i+1] != shape.prefix || !startsWord(s, start, from) {
			continue
		}
		end = run(s, i+1, isBase64URL)
		n := end - i - 1
		if n >= shape.min && (!shape.mixed || n >= 16 || strings.ContainsFunc(s[i+1:end], isDigitOrCapital)) {
			return start, end, true
		}
	}
	return 0, 0, false
}

// jwtAt finds header.payload[.signature], RFC 7519. The header is a JSON object, so it begins with eyJ.
func jwtAt(s string, i, from int) (start, end int, found bool) {
	start = i - 2
	if start < from || s[start:i] != "ey" || start > from && isBase64URL(s[start-1]) {
		return 0, 0, false
	}
	dot := run(s, i, isBase64URL)
	if dot-start < 8 || dot+1 >= len(s) || s[dot] != '.' || !isBase64URL(s[dot+1]) {
		return 0, 0, false
	}
	end = run(s, dot, func(c byte) bool { return c == '.' || isBase64URL(c) })
	return start, end, true
}

// privateKeyAt finds a PEM private key, RFC 7468, up to its end line or the end of the text.
func privateKeyAt(s string, i, from int) (start, end int, found bool) {
	const fence, begin = "-----", "BEGIN "
	start = i + 1 - len(fence)
	if start < from || s[start:i+1] != fence || !strings.HasPrefix(s[i+1:], begin) {
		return 0, 0, false
	}
	label, body, _ := strings.Cut(s[i+1:], fence)
	if !strings.Contains(label, "PRIVATE KEY") {
		return 0, 0, false
	}
	_, rest, ok := strings.Cut(body, fence+"END ")
	if !ok {
		return start, len(s), true
	}
	_, rest, _ = strings.Cut(rest, fence)
	return start, len(s) - len(rest), true
}

// credentialAt finds what follows the word Bearer (RFC 6750) or Basic (RFC 7617) and the blank at i.
func credentialAt(s string, i, from int) (start, end int, found bool) {
	if i == from || s[i-1]|' ' != 'r' && s[i-1]|' ' != 'c' {
		return 0, 0, false
	}
	before := s[from:i]
	switch {
	case endsWithFold(before, "bearer") && startsWord(s, i-len("bearer"), from):
		start = run(s, i, isBlank)
		end = trimEnd(s, start, run(s, start, isToken68))
		token := s[start:end]
		found = token != "" && token[0] != '=' && !prose[strings.ToLower(token)] && !isParameter(s, start, end)
	case endsWithFold(before, "basic") && startsWord(s, i-len("basic"), from):
		start = run(s, i, isBlank)
		end = run(s, start, isToken68)
		decoded, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(s[start:end], "="))
		found = err == nil && strings.Contains(string(decoded), ":")
	}
	return start, end, found && end > start
}

// isParameter reports whether s[start:end] is the name="value" of a challenge rather than a credential, whose only = are
// at its end.
func isParameter(s string, start, end int) bool {
	return strings.Contains(strings.TrimRight(s[start:end], "="), "=") ||
		end < len(s) && s[end-1] == '=' && strings.IndexByte(`"'[\`, s[end]) >= 0
}

// prose holds the words that follow "bearer" in sentences.
var prose = wordSet(`a and auth authentication authorization challenge credential credentials error expected expired for
	format from has header in invalid is malformed missing must not of or realm required scheme the token tokens was with`)

func wordSet(list string) map[string]bool {
	set := make(map[string]bool)
	for word := range strings.FieldsSeq(list) {
		set[word] = true
	}
	return set
}

// trimEnd leaves out the punctuation of the sentence around s[start:end].
func trimEnd(s string, start, end int) int {
	return start + len(strings.TrimRight(s[start:end], ".,;:!?"))
}

func startsWord(s string, i, from int) bool { return i == from || !isAlnum(s[i-1]) }
func isBase64URL(c byte) bool               { return isAlnum(c) || c == '-' || c == '_' }
func isToken68(c byte) bool                 { return isBase64URL(c) || strings.IndexByte(".~+/=", c) >= 0 }
func isDigitOrCapital(r rune) bool          { return '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' }
