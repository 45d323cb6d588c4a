// Package strength judges secrets: whether a value is a placeholder, whether it is too weak, and
// whether it should be hidden although no list has its name. Packages config and env share it, so
// that both accept and hide the same secrets.
//
// # Lifting it out
//
// Copy the directory. It needs the standard library; its tests need testify.
package strength

import (
	"cmp"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MinLength is the minimum length of a strong secret in characters. 16 random bytes, the least that
// anybody generates on purpose, have 32 hexadecimal digits.
const MinLength = 32

// placeholder matches bracketed text such as <token> and ${TOKEN}, keyboard sequences, variants of
// change-me, and words that no generated secret contains.
var placeholder = regexp.MustCompile(`(?s)^\$?(?:<.*>|\[.*\]|\{.*\})$` +
	`|^(?:123456|abcdef|qwerty|django-insecure)` +
	`|change[-_ .]*(?:me|this)` +
	`|(?:^|[^\pL\p{Nd}])(?:xxx+|(?:admin|changeit|default|dev|dummy|example|fixme|foobar|here|insert|none|null|pass|` +
	`password|placeholder|replace|root|sample|secret|tbd|test|testing|todo|your|yoursecret)\p{Nd}*)(?:[^\pL\p{Nd}]|$)`)

// Placeholder reports whether value looks like a placeholder or a guessable secret: changeme,
// your-key-here, <token>, words such as password or test, xxx, 123456, or few different characters.
// An empty value is not a placeholder.
func Placeholder(value string) bool {
	const leastEntropy = 2.0
	text := strings.ToLower(strings.TrimSpace(value))
	return text != "" && (entropy(text) < leastEntropy || placeholder.MatchString(text))
}

// qualifiers may follow the word that says what a variable is, as in API_KEY_LIVE and PASSWORD_2.
const qualifiers = `(?:[-_.]?(?:live|test|prod|production|dev|staging|old|new|base|primary|secondary|current|` +
	`previous|next|b64|base64|hex|raw|v?[0-9]+))*$`

var (
	// secretName matches names that end like those of secrets. It is for hiding values; hiding
	// too many does no harm.
	secretName = regexp.MustCompile(`(?i)(?:(?-i:Key|Salt|Pin|Hash|Seed)|` +
		`(?:^|[^a-z])(?:keys?|salts?|pepper|pw|pwd|pass|psk|pin|seed|nonce|hash|hmac|mnemonic|certs?|pem|` +
		`auth|creds|licen[cs]e|dsn|jwt|otp)|` +
		`passwd|passwords?|passphrase|passcode|tokens?|secrets?|apikeys?|cookies?|certificate|credentials?|webhook)` +
		qualifiers)
	publicName = regexp.MustCompile(`(?i)public|publishable`)
	// secretEnd matches names whose value is a secret even if it is a number.
	secretEnd = regexp.MustCompile(`(?i)(?:key|salt|pw|pwd|pass|passwd|password|passphrase|passcode|pin|secret|token|` +
		`auth|credentials?|creds)` + qualifiers)
)

// Suspect reports whether a value should be hidden because its name ends like that of a secret, or
// because it looks generated. The values of Harmless are not suspect.
func Suspect(name, value string) bool {
	if value == "" || publicName.MatchString(name) || Harmless(name, value) {
		return false
	}
	return secretName.MatchString(name) || generatedPart(value)
}

func generatedPart(value string) bool {
	const shortest = 16 // parts of UUIDs have 12
	between := func(r rune) bool {
		return r >= utf8.RuneSelf || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("+/=", r)
	}
	return slices.ContainsFunc(strings.FieldsFunc(value, between), func(part string) bool {
		return len(part) >= shortest && Generated(part)
	})
}

// Generated reports whether a word looks random, because letters and digits, or capitals and small
// letters, alternate more often than in a word that somebody chose.
func Generated(word string) bool {
	const mostNumbers, mostHumps = 3, 2
	numbers, humps, last := 0, 0, 'x'
	for i, r := range word {
		switch {
		case i > 0 && unicode.IsDigit(r) != unicode.IsDigit(last):
			numbers++
		case i > 0 && unicode.IsUpper(r) && unicode.IsLower(last):
			humps++
		}
		last = r
	}
	return numbers > mostNumbers || humps > mostHumps
}

var (
	boolean = regexp.MustCompile(`(?i)^(?:true|false|yes|no|on|off|enabled?|disabled?)$`)
	measure = regexp.MustCompile(`(?i)^-?[0-9]{1,7}(?:\.[0-9]{1,3})?%?$` +
		`|^(?:[0-9]{1,7}(?:\.[0-9]+)?\s?(?:[num]?s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|` +
		`w|weeks?|months?|y|years?|[kmg]i?b))+$`)
	// scheme matches authentication schemes, URL schemes and values of SameSite.
	scheme = regexp.MustCompile(`(?i)^(?:basic|bearer|digest|negotiate|lax|strict|none|[a-z]+://|https?)$`)
	scopes = regexp.MustCompile(`(?i)^[a-z_:.*/ ,-]+$`)
)

// Harmless reports whether a value is no secret whatever its variable is called: a boolean, or a
// small number, duration, size, scope or scheme. The latter are secrets, and weak ones, of a
// variable whose name ends in a word such as password.
func Harmless(name, value string) bool {
	return boolean.MatchString(value) || !secretEnd.MatchString(name) && (measure.MatchString(value) ||
		scheme.MatchString(value) ||
		strings.Contains(strings.ToLower(name), "scope") && scopes.MatchString(value))
}

// Mixed reports whether a text has at least 3 bits of entropy a character. Random hexadecimal
// digits have about 3.6.
func Mixed(text string) bool { return entropy(text) >= 3 }

// Weak reports whether a secret that another service may have issued is too short, or repeats few
// characters. Use [MinLength] for secrets of one's own.
func Weak(secret string) bool { return utf8.RuneCountInString(secret) < MinLength/2 || !Mixed(secret) }

// entropy returns the Shannon entropy in bits a character. It measures how evenly a text uses its
// characters, not whether they are random.
func entropy(text string) float64 {
	counts := map[rune]float64{}
	for _, r := range text {
		counts[r]++
	}
	total, bits := float64(utf8.RuneCountInString(text)), 0.0
	for _, n := range counts {
		bits -= n / total * math.Log2(n/total)
	}
	return bits
}

var (
	// dsn matches a parameter of a key=value DSN, as libpq reads it: with or without blanks around
	// the =.
	dsn         = regexp.MustCompile(`(?:^|\s)(?:host|hostaddr|dbname|user|password)\s*=`)
	dsnPassword = regexp.MustCompile(`(?:^|\s)password\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(\S+))`)
	dsnEscapes  = strings.NewReplacer(`\\`, `\`, `\'`, `'`)
)

// Of returns the secret part of a value and whether this is the whole value. It is the password of
// a URL or of a key=value DSN, empty for a PEM key, which its parser checks, and else the whole
// value.
func Of(value string) (secret string, whole bool) {
	switch {
	case strings.Contains(value, "-----BEGIN "):
		return "", false
	case strings.Contains(value, "://"):
		u, err := url.Parse(value)
		if err != nil {
			return "", false
		}
		password, _ := u.User.Password()
		return cmp.Or(password, u.Query().Get("password")), false // libpq accepts both
	case dsn.MatchString(value):
		if found := dsnPassword.FindStringSubmatch(value); found != nil {
			return dsnEscapes.Replace(found[1] + found[2]), false
		}
		return "", false
	}
	return value, true
}
