package logging

import "strings"

// urlPasswordAt finds the password in scheme://user:password@host, RFC 3986; the colon of :// is at i. People put
// passwords into DSNs unescaped, so the last @ counts, and a password may hold @, / and ?.
func urlPasswordAt(s string, i, from int) (start, end int, found bool) {
	scheme := i
	for scheme > from && isSchemeByte(s[scheme-1]) {
		scheme--
	}
	if scheme == i {
		return 0, 0, false
	}
	const maxURL = 4 << 10 // bounds the work for a text of many schemes
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

// userinfoEnd returns the index of the @ that ends user:password, or -1. The path of a web address may hold an @ too;
// there the one in the authority counts, or any where the authority has no port but something else after its colon.
func userinfoEnd(scheme, rest string) int {
	last := strings.LastIndexByte(rest, '@')
	if last < 0 || !isWeb(scheme) {
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
	if !ok || isNumber(port) {
		return -1
	}
	return last
}

func isWeb(scheme string) bool {
	switch strings.ToLower(scheme) {
	case "http", "https", "ws", "wss":
		return true
	}
	return false
}

func isNumber(s string) bool { return run(s, 0, isDigit) == len(s) }

func isSchemeByte(c byte) bool { return isAlnum(c) || c == '+' || c == '.' || c == '-' }

func endsURL(r rune) bool {
	return r <= ' ' || r == '"' || r == '`' || r == '<' || r == '>' || r == '\\'
}
