package logging

import (
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Sensitive reports whether values of this name are kept out of the log. It looks at the words of
// the name, which end at anything but a letter and at a capital: accessToken, db_password and
// X-API-Key are sensitive; tokens_used, author and key_count are not. It does not allocate.
func Sensitive(name string) bool {
	var hit bool
	var prev, class wordClass
	var before, word string
	for start := 0; start < len(name); {
		end := start
		for end < len(name) && isLetter(name[end]) && (end == start || !startsWordAt(name, end)) {
			end++
		}
		if end == start {
			start++
			continue
		}
		before, word = word, name[start:end]
		prev, class = class, classify(word)
		start = end
		hit = hit || class&secretWord != 0 ||
			class&keyWord != 0 && prev&keyOwner != 0 ||
			class&tokensWord != 0 && prev&tokenOwner != 0 ||
			class&stringWord != 0 && prev&connectionWord != 0
	}
	switch {
	case strings.EqualFold(before, "secret") && strings.EqualFold(word, "id"): // of an AppRole in Vault
		return true
	case class&measureWord != 0: // the name is about a secret: its type, count, age
		return false
	case class&keyWord != 0 && prev&publicWord != 0: // the public half of a key pair
		return false
	}
	return hit || class&authWord != 0
}

// harmless reports whether the value of a sensitive name is no secret: a boolean, a number of up to
// three digits, a duration, a list of scopes, or a scheme of authentication or of a URL. Short codes
// that people type (PIN, OTP, CVV) are never harmless.
func harmless(name, value string) bool {
	name, value = strings.ToLower(name), strings.ToLower(value)
	for _, code := range []string{"cvv", "cvc", "otp", "pin", "passcode"} {
		if strings.Contains(name, code) {
			return false
		}
	}
	if harmlessWords[value] {
		return true
	}
	const maxDigits, maxDuration = 3, 12
	value = strings.TrimPrefix(value, "-")
	if digits := run(value, 0, isDigit); digits > 0 && len(value) <= maxDuration {
		if digits == len(value) {
			return digits <= maxDigits
		}
		if days, ok := strings.CutSuffix(value, "d"); ok {
			value = days + "h"
		}
		_, err := time.ParseDuration(value)
		return err == nil
	}
	scopes := strings.FieldsFunc(value, func(r rune) bool { return r == ' ' || r == ',' })
	for _, scope := range scopes {
		resource, action, ok := strings.Cut(scope, ":")
		permission := ok && resource != "" && run(resource, 0, isNameByte) == len(resource) && permissionActions[action]
		if !oidcScopes[scope] && !permission {
			return false
		}
	}
	return len(scopes) > 0
}

var (
	harmlessWords = wordSet("true false yes no on off none null enabled disabled bearer basic digest negotiate http https")
	oidcScopes    = wordSet("openid profile email address phone offline_access")
)

// harmless is [harmless] for the value of a field.
func (f *Field) harmless(name string) bool {
	switch f.kind {
	case kindString:
		return harmless(name, f.text)
	case kindInt:
		return harmless(name, strconv.FormatInt(int64(f.num), 10)) //nolint:gosec // the bits of an int64
	case kindBool, kindDuration:
		return true
	case kindAny:
		return harmlessValue(name, reflect.ValueOf(f.any))
	default:
		return false
	}
}

// harmlessValue is [harmless] for a value of any kind.
func harmlessValue(name string, v reflect.Value) bool {
	if v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	switch {
	case v.Kind() == reflect.Bool, v.IsValid() && v.Type() == reflect.TypeFor[time.Duration]():
		return true
	case v.Kind() == reflect.String:
		return harmless(name, v.String())
	case v.CanInt(), v.CanUint():
		return harmless(name, fmt.Sprint(v))
	default:
		return false
	}
}

// startsWordAt reports whether a capital at i, after a letter, begins a word: after a small letter
// (apiKey), or as the last one of several capitals before a small letter (APIKey).
func startsWordAt(name string, i int) bool {
	return isUpper(name[i]) && (isLower(name[i-1]) || i+1 < len(name) && isLower(name[i+1]))
}

func isLower(c byte) bool  { return 'a' <= c && c <= 'z' }
func isUpper(c byte) bool  { return 'A' <= c && c <= 'Z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isLetter(c byte) bool { return isLower(c) || isUpper(c) }
func isAlnum(c byte) bool  { return isLetter(c) || isDigit(c) }

// wordClass is the meaning of a word in a name. A word may have several.
type wordClass uint16

const (
	secretWord wordClass = 1 << iota // the value is a secret, unless a measureWord ends the name
	authWord                         // a secret at the end of the name only: basic_auth, but not auth_method
	keyWord                          // a secret after a keyOwner: private_key, but not sort_key
	keyOwner
	tokensWord // a secret after a tokenOwner: refresh_tokens, but not max_tokens
	tokenOwner
	connectionWord // a secret with a stringWord: connection_string
	stringWord
	publicWord  // a keyWord after it is no secret: jwt_public_keys
	measureWord // at the end, the name is about a secret: token_type, password_length
)

var wordClasses = classesOf(map[wordClass]string{
	secretWord: `password passwords passwd pwd pw pass passphrase passcode secret secrets token
		credential credentials creds authorization cookie cookies jwt bearer dsn otp totp cvv cvc ssn sig
		signature apikey apikeys accesskey privatekey secretkey signingkey connectionstring connstr`,
	authWord: `auth`,
	keyWord:  `key keys`,
	keyOwner: `api private secret access signing encryption decryption master shared hmac ssh rsa
		aes pem account storage service subscription license session webhook deploy client vault admin root
		jwt openai anthropic claude azure aws stripe`,
	tokensWord:     `tokens`,
	tokenOwner:     `access refresh auth bearer api id session csrf xsrf`,
	connectionWord: `connection conn`,
	stringWord:     `string str`,
	publicWord:     `public`,
	measureWord: `type types kind count counts total id ids name names length len size limit limits
		used usage budget cost rate ttl age expiry expires expired exp at in min max policy enabled required
		present valid verified algorithm algorithms alg version source status state method provider issuer
		audience scope scopes url uri endpoint path file dir attempts failures index format prefix domain
		samesite mode secure rejected issued created updated changed reset rotated ms seconds leeway
		lifetime duration timeout interval expiration minutes hours days rounds`,
})

func classesOf(lists map[wordClass]string) map[string]wordClass {
	classes := make(map[string]wordClass)
	for class, list := range lists {
		for word := range strings.FieldsSeq(list) {
			classes[word] |= class
		}
	}
	return classes
}

// secretEndings make a word secret that runs several together: dbpassword, accesstoken.
var secretEndings = strings.Fields(`password passwd passphrase token secret apikey privatekey secretkey accesskey
	credentials`)

// classify returns the classes of a word in any case.
func classify(word string) wordClass {
	var buf [24]byte // the end of a longer word is enough
	lower := buf[:copy(buf[:], word[max(0, len(word)-len(buf)):])]
	for i, c := range lower {
		if isUpper(c) {
			lower[i] += 'a' - 'A'
		}
	}
	if class, ok := wordClasses[string(lower)]; ok {
		return class
	}
	for _, ending := range secretEndings {
		if len(lower) > len(ending) && string(lower[len(lower)-len(ending):]) == ending {
			return secretWord
		}
	}
	return 0
}

// Redacted replaces secrets in the log.
const Redacted = "[REDACTED]"

// Secret is a string that package fmt, encoding/json, text encoders and slog print as [Redacted].
// An empty one too, so that the output does not tell whether it is set. [Secret.Reveal] returns the
// value. Of the verbs of fmt only %p, which go vet rejects here, bypasses it.
type Secret string

// Reveal returns the value.
func (s Secret) Reveal() string { return string(s) }

// IsZero reports whether the Secret is empty.
func (s Secret) IsZero() bool { return s == "" }

// String returns [Redacted].
func (Secret) String() string { return Redacted }

// Format writes [Redacted] for every verb: %x, %d and %#v would bypass String.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Redacted) }

// MarshalText returns [Redacted], for encoders of JSON, YAML, TOML and XML.
func (Secret) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// UnmarshalText sets the value. It never fails.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = Secret(text)
	return nil
}
