package logging

import (
	"encoding/base64"
	"slices"
	"strings"
	"unicode"
)

// apiKeyFormat is a prefix of API keys and the least number of base64url bytes after it.
type apiKeyFormat struct {
	prefix string
	min    int
}

var apiKeyFormats = []apiKeyFormat{
	{"sk-", 6}, {"sk-ant-", 1}, {"sk-proj-", 1}, {"glpat-", 10},
	{"xoxb-", 6}, {"xoxp-", 6}, {"xoxa-", 6}, {"xoxr-", 6}, {"xoxs-", 6},
	{"ghp_", 10}, {"gho_", 10}, {"ghu_", 10}, {"ghs_", 10}, {"ghr_", 10}, {"github_pat_", 10},
	{"sk_live_", 6}, {"sk_test_", 6}, {"rk_live_", 6}, {"whsec_", 10}, {"npm_", 20}, {"hf_", 20}, {"gsk_", 16},
	{"ak_", 40}, {"rt_", 40}, // API keys and refresh tokens of this service
	{"AKI", 17}, {"ASI", 17}, {"AIz", 30}, // AWS: AKIA…, ASIA…; Google
}

// formatsByEnd holds the formats by the last three bytes of their prefixes.
var formatsByEnd = func() map[string][]apiKeyFormat {
	formats := make(map[string][]apiKeyFormat)
	for _, f := range apiKeyFormats {
		end := f.prefix[len(f.prefix)-3:]
		formats[end] = append(formats[end], f)
	}
	return formats
}()

// apiKeyAt finds an API key whose prefix ends at i, or a JSON Web Token.
func apiKeyAt(s string, i, from int) (start, end int, found bool) {
	if i < from+2 {
		return 0, 0, false
	}
	if s[i] == 'J' {
		return jwtAt(s, i, from)
	}
	for _, f := range formatsByEnd[s[i-2:i+1]] {
		start = i + 1 - len(f.prefix)
		if start < from || s[start:i+1] != f.prefix || !startsWord(s, start, from) {
			continue
		}
		end = run(s, i+1, isBase64URL)
		n := end - i - 1
		word := f.prefix == "sk-" && n < 16 && !strings.ContainsFunc(s[i+1:end], isDigitOrCapital) // sk-learn
		if n >= f.min && !word {
			return start, end, true
		}
	}
	return 0, 0, false
}

// jwtAt finds header.payload[.signature], RFC 7519. The header is a JSON object and begins with
// eyJ.
func jwtAt(s string, i, from int) (start, end int, found bool) {
	start = i - 2
	if start < from || s[start:i] != "ey" || !startsWord(s, start, from) || start > from && strings.IndexByte("-_",
		s[start-1]) >= 0 {
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

// credentialAt finds what follows the word Bearer (RFC 6750) or Basic (RFC 7617) and the blank at
// i.
func credentialAt(s string, i, from int) (start, end int, found bool) {
	if i == from || s[i-1]|' ' != 'r' && s[i-1]|' ' != 'c' {
		return 0, 0, false
	}
	before := s[from:i]
	switch {
	case endsWithFold(before, "bearer") && startsWord(s, i-len("bearer"), from):
		start = run(s, i, isBlank)
		token := strings.TrimRight(s[start:run(s, start, isToken68)], ".,;:!?")
		end = start + len(token)
		found = token != "" && token[0] != '=' && !prose[strings.ToLower(token)] && !isParameter(s, start, end)
	case endsWithFold(before, "basic") && startsWord(s, i-len("basic"), from):
		start = run(s, i, isBlank)
		end = run(s, start, isToken68)
		decoded, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(s[start:end], "="))
		found = err == nil && strings.Contains(string(decoded), ":")
	}
	return start, end, found && end > start
}

// isParameter reports whether s[start:end] is the name="value" of a challenge. A credential has =
// only at its end.
func isParameter(s string, start, end int) bool {
	return strings.Contains(strings.TrimRight(s[start:end], "="), "=") ||
		end < len(s) && s[end-1] == '=' && strings.IndexByte(`"'[\`, s[end]) >= 0
}

// prose holds the words that follow "bearer" in sentences.
var prose = wordSet(`a and auth authentication authorization challenge credential credentials error
	expected expired for format from has header in invalid is malformed missing must not of or realm
	required scheme the token tokens was with`)

func wordSet(list string) map[string]bool {
	set := make(map[string]bool)
	for word := range strings.FieldsSeq(list) {
		set[word] = true
	}
	return set
}

// startsWord reports whether a word starts at i, also after %20.
func startsWord(s string, i, from int) bool {
	return i == from || !isAlnum(s[i-1]) || i >= from+3 && isEscape(s, i-3)
}

func isBase64URL(c byte) bool      { return isAlnum(c) || c == '-' || c == '_' }
func isToken68(c byte) bool        { return isBase64URL(c) || strings.IndexByte(".~+/=", c) >= 0 }
func isDigitOrCapital(r rune) bool { return '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' }

// urlPasswordAt finds the password in scheme://user:password@host, RFC 3986; the colon of :// is at
// i. Passwords are often not escaped, so the last @ counts, and a password may hold @, / and ?.
func urlPasswordAt(s string, i, from int) (start, end int, found bool) {
	scheme := i
	for scheme > from && isSchemeByte(s[scheme-1]) {
		scheme--
	}
	if scheme == i {
		return 0, 0, false
	}
	const maxURL = 4 << 10 // bounds the work for a text with many schemes
	rest := s[i+len("://"):]
	rest = rest[:min(len(rest), maxURL)]
	if n := strings.IndexFunc(rest, endsURL); n >= 0 {
		rest = rest[:n]
	}
	if scheme > from && s[scheme-1] == '\'' {
		rest, _, _ = strings.Cut(rest, "'")
	}
	at := userinfoEnd(s[scheme:i], rest)
	if at < 0 {
		return 0, 0, false
	}
	colon := strings.IndexByte(rest[:at], ':')
	if colon < 0 || colon+1 == at || rest[colon+1:at] == Redacted {
		return 0, 0, false
	}
	offset := i + len("://")
	return offset + colon + 1, offset + at, true
}

// userinfoEnd returns the index of the @ that ends user:password, or -1. The path of a web address
// may hold an @ too: there, the one in the authority counts, or any if what follows the colon of
// the authority is not a port.
func userinfoEnd(scheme, rest string) int {
	last := strings.LastIndexByte(rest, '@')
	if last < 0 || !slices.Contains([]string{"http", "https", "ws", "wss"}, strings.ToLower(scheme)) {
		return last
	}
	n := strings.IndexAny(rest, "/?#")
	if n < 0 || n > last {
		return last
	}
	authority := rest[:n]
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		return at
	}
	_, port, ok := strings.Cut(authority[strings.LastIndexByte(authority, ']')+1:], ":")
	if !ok || run(port, 0, isDigit) == len(port) {
		return -1
	}
	return last
}

func isSchemeByte(c byte) bool { return isAlnum(c) || c == '+' || c == '.' || c == '-' }

func endsURL(r rune) bool {
	return r <= ' ' || r == '"' || r == '`' || r == '<' || r == '>' || r == '\\'
}

// dsnPasswordAt finds the password of a DSN without a scheme: user:password@tcp(host)/db as the
// MySQL driver has it, user:password@host/db and user:password@host:port. The @ is at i.
func dsnPasswordAt(s string, i, from int) (start, end int, found bool) {
	host := run(s, i+1, isSchemeByte)
	port := host
	if host < len(s) && s[host] == ':' {
		port = run(s, host+1, isDigit)
	}
	switch {
	case host == len(s):
		return 0, 0, false
	case s[host] == '(', s[host] == '/':
	case port < host+2, port > host+6, port < len(s) && isAlnum(s[port]): // image:tag@sha256:9f86d0…
		return 0, 0, false
	}
	const maxUserinfo = 256
	start = i
	for start > from && i-start < maxUserinfo && s[start-1] > ' ' && !isQuote(s[start-1]) {
		start--
	}
	userinfo := s[start:i]
	colon := strings.IndexByte(userinfo, ':')
	if colon < 0 || strings.Contains(userinfo, "://") || nameStart(userinfo, colon, 0) == colon {
		return 0, 0, false
	}
	start += colon + 1
	return start, i, start < i && s[start:i] != Redacted
}

// botTokenAt finds a token of a Telegram bot, digits:key, in a URL or alone. The colon is at i.
func botTokenAt(s string, i, from int) (start, end int, found bool) {
	start = i
	for start > from && isDigit(s[start-1]) {
		start--
	}
	if i-start < 6 {
		return 0, 0, false
	}
	end = run(s, i+1, isBase64URL)
	return start, end, end-i > 30 && strings.ContainsFunc(s[i+1:end], unicode.IsUpper)
}

// webhookPaths are the segments before the secret path of a webhook: of Slack, Discord, Microsoft
// Teams, Zapier, Mattermost, PagerDuty and IFTTT.
var webhookPaths = wordSet("services triggers workflows webhook webhooks webhookb2 hooks catch integration key")

// webhookAt finds the path of a webhook URL, which is its secret, after the slash at i.
func webhookAt(s string, i, from int) (start, end int, found bool) {
	if i < from+4 {
		return 0, 0, false
	}
	switch s[i-3 : i] { // how webhookPaths end: most slashes end the search here
	case "ces", "ers", "ows", "ook", "oks", "kb2", "tch", "ion", "key":
	default:
		return 0, 0, false
	}
	name := nameStart(s, i, from)
	if name == from || s[name-1] != '/' || !webhookPaths[s[name:i]] {
		return 0, 0, false
	}
	end = run(s, i+1, func(c byte) bool { return isBase64URL(c) || c == '/' || c == '@' })
	return i + 1, end, strings.ContainsFunc(s[i+1:end], unicode.IsUpper) && isSlackPath(s[i+1:end]) ||
		slices.ContainsFunc(strings.FieldsFunc(s[i+1:end], func(r rune) bool { return r == '/' || r == '@' }), isOpaque)
}

// isSlackPath reports whether path is T…/B…/token, as for Slack.
func isSlackPath(path string) bool {
	parts := strings.Split(path, "/")
	return len(parts) >= 3 && strings.HasPrefix(parts[0], "T") && strings.HasPrefix(parts[1], "B") && len(parts[2]) >= 8
}

// isOpaque reports whether a segment of a path looks random: long, with digits, neither a number
// nor a UUID.
func isOpaque(segment string) bool {
	digits := 0
	for i := range len(segment) {
		if isDigit(segment[i]) {
			digits++
		}
	}
	uuid := len(segment) == 36 && strings.Count(segment, "-") == 4
	return len(segment) >= 16 && digits > 0 && digits < len(segment) && !uuid
}
