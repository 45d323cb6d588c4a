// Package strength judges secrets: whether a value is a stand-in for one, or too weak to be one. Packages config and env share
// it, so that what one of them takes the other takes too.
//
// # Lifting it out
//
// Copy the folder. It imports nothing but the standard library, and testify for its tests.
package strength

import (
	"math"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What [Strong] asks for. 32 characters are what 16 random bytes are in hexadecimal, the least that anybody
// generates on purpose; such text has about 3.6 bits a character.
const (
	MinLength     = 32  // characters of a strong secret
	strongEntropy = 3.0 // bits a character
	weakEntropy   = 2.0
)

// standIns are words that no generated secret holds.
var standIns = map[string]bool{
	"admin": true, "changeit": true, "default": true, "dev": true, "dummy": true, "example": true, "fixme": true,
	"foobar": true, "here": true, "insert": true, "none": true, "null": true, "pass": true, "password": true,
	"placeholder": true, "replace": true, "root": true, "sample": true, "secret": true, "tbd": true, "test": true,
	"testing": true, "todo": true, "your": true, "yoursecret": true,
}

// squeezer makes change-me, change_me and "change me" one word.
var squeezer = strings.NewReplacer("-", "", "_", "", " ", "", ".", "")

// Placeholder reports whether value looks like a stand-in for a secret or like a guessable one: changeme, your-key-here,
// <token>, a word such as password or test, xxx, 123456, or text of very few different characters. An empty value is not
// a placeholder.
func Placeholder(value string) bool {
	text := strings.ToLower(strings.TrimSpace(value))
	if text == "" {
		return false
	}
	if bracketed(text) || entropy(text) < weakEntropy {
		return true
	}
	for _, start := range []string{"123456", "abcdef", "qwerty"} {
		if strings.HasPrefix(text, start) {
			return true
		}
	}
	squeezed := squeezer.Replace(text)
	if strings.Contains(squeezed, "changeme") || strings.Contains(squeezed, "changethis") {
		return true
	}
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if standIns[strings.TrimRightFunc(word, unicode.IsDigit)] || strings.Trim(word, "x") == "" && len(word) > 2 {
			return true
		}
	}
	return false
}

// bracketed reports whether the text is <like this>, [this], {{this}} or ${THIS}.
func bracketed(text string) bool {
	for _, pair := range []string{"<>", "[]", "{}"} {
		if strings.HasPrefix(strings.TrimPrefix(text, "$"), pair[:1]) && strings.HasSuffix(text, pair[1:]) {
			return true
		}
	}
	return false
}

// Of returns what is secret in a value: the password of a URL or of a key=value DSN, where there is one; of anything else all of
// it, but nothing of a key in PEM, which whoever reads it judges by its form.
func Of(value string) (secret string, all bool) {
	switch {
	case strings.Contains(value, "-----BEGIN "):
		return "", false
	case strings.Contains(value, "://"):
		return urlPassword(value), false
	case dsn.MatchString(value):
		return dsnPassword(value), false
	}
	return value, true
}

// Strong reports whether a secret has at least [MinLength] characters, evenly mixed, and is no [Placeholder].
func Strong(secret string) bool {
	return utf8.RuneCountInString(secret) >= MinLength && !Placeholder(secret) && Mixed(secret)
}

// Mixed reports whether a text uses its characters as evenly as a random one does.
func Mixed(text string) bool { return entropy(text) >= strongEntropy }

// entropy is Shannon's, in bits a character. It says how evenly a text uses its characters, not whether they are random.
func entropy(text string) float64 {
	counts := map[rune]float64{}
	total := 0.0
	for _, r := range text {
		counts[r]++
		total++
	}
	bits := 0.0
	for _, n := range counts {
		bits -= n / total * math.Log2(n/total)
	}
	return bits
}
