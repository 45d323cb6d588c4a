package logging

// Redact returns text with [Redacted] in the place of what looks like a secret: bearer and basic credentials, JSON Web
// Tokens, API keys of known shapes, PEM private keys, passwords in URLs and DSNs, and the values of sensitive names in
// name=value, name: value and JSON. It is for free text, such as the message of an error from elsewhere; a line of this
// package has been through it already. Redact leaves its own output as it is, and returns ordinary text without copying.
func Redact(text string) string {
	const rounds = 4 // what is left of one secret may show another, hardly ever a third
	for range rounds {
		next, found := redactOnce(text)
		if !found {
			break
		}
		text = next
	}
	return text
}

func redactOnce(text string) (string, bool) {
	var out []byte
	done := 0 // how much of text is in out
	for i := 0; i < len(text); i++ {
		if byteClass[text[i]]&mayReveal == 0 {
			continue
		}
		start, end, found := secretAt(text, i, done)
		if !found {
			continue
		}
		out = append(out, text[done:start]...)
		out = append(out, Redacted...)
		done, i = end, end-1
	}
	if done == 0 {
		return text, false
	}
	return string(append(out, text[done:]...)), true
}

// secretAt returns where the secret is that the byte at i gives away. It looks back no further than from. Every kind of
// secret has one such byte, rare in ordinary text, so that a scan needs no regular expressions.
func secretAt(s string, i, from int) (start, end int, found bool) {
	switch s[i] {
	case ' ', '\t':
		return credentialAt(s, i, from)
	case '=':
		return pairAt(s, i, from)
	case ':':
		if len(s)-i > 2 && s[i+1] == '/' && s[i+2] == '/' {
			return urlPasswordAt(s, i, from)
		}
		return pairAt(s, i, from)
	case '-':
		if start, end, found = privateKeyAt(s, i, from); found {
			return start, end, true
		}
	}
	return keyShapeAt(s, i, from)
}

// run returns the end of the bytes from i on that is accepts.
func run(s string, i int, is func(byte) bool) int {
	for i < len(s) && is(s[i]) {
		i++
	}
	return i
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// endsWithFold reports whether s ends with suffix, which is in small letters, whatever the case of s.
func endsWithFold(s, suffix string) bool {
	if len(s) < len(suffix) {
		return false
	}
	s = s[len(s)-len(suffix):]
	for i := range len(suffix) {
		c := s[i]
		if isUpper(c) {
			c += 'a' - 'A'
		}
		if c != suffix[i] {
			return false
		}
	}
	return true
}
