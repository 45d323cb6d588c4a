package auth

import (
	_ "embed"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

const (
	minPassword  = 12  // characters
	maxPassword  = 128 // characters; longer passwords are rejected, not truncated
	minLocalPart = 3   // characters; shorter ones occur in too many good passwords
)

// CheckPassword reports whether a new password is strong enough: 12 to 128 characters, not common,
// and without the part of the email before the @ if that has at least three characters. It does not
// require digits or signs, which NIST SP 800-63B advises against. The error is a VALIDATION_ERROR
// for the field password and never quotes it.
//
// A password is common if it is on a list or follows a pattern that password crackers try: one
// common word with a few digits and signs around it, also repeated or in leet spelling; keyboard
// sequences; the alphabet and the digits; short repetitions.
func CheckPassword(password, email string) error {
	if !utf8.ValidString(password) {
		return errors.Invalid("password", "encoding", "must be valid UTF-8")
	}
	password = norm.NFC.String(password)
	switch n := utf8.RuneCountInString(password); {
	case n < minPassword:
		return errors.Invalid("password", "min_length", fmt.Sprintf("must have at least %d characters", minPassword))
	case n > maxPassword:
		return errors.Invalid("password", "max_length", fmt.Sprintf("must have at most %d characters", maxPassword))
	}
	password = strings.ToLower(password)
	if isCommon(password) {
		return errors.Invalid("password", "common",
			"is too easy to guess: it is a common password or follows a common pattern")
	}
	local, _, _ := strings.Cut(strings.ToLower(norm.NFC.String(email)), "@")
	if utf8.RuneCountInString(local) >= minLocalPart && strings.Contains(password, local) {
		return errors.Invalid("password", "contains_email", "must not contain the name in the email address")
	}
	return nil
}

//go:embed common_passwords.txt
var commonText string

//go:embed common_words.txt
var wordText string

// commonPasswords are the most common long passwords, commonWords parts of many others.
var commonPasswords, commonWords = lines(commonText), lines(wordText)

func lines(text string) map[string]bool {
	set := map[string]bool{}
	for line := range strings.Lines(text) {
		set[strings.TrimSpace(line)] = true
	}
	return set
}

// isCommon reports whether a lower-case password is on the list or follows a common pattern.
func isCommon(password string) bool {
	return commonPasswords[password] || strings.TrimSpace(password) == "" ||
		isRepetition(password) || isKeyboardSequence(password) || isDecoratedWord(password)
}

// isRepetition reports whether the password repeats a text that is short or common itself:
// abcabcabcabc, monkey1monkey1.
func isRepetition(password string) bool {
	const short = 4
	text := []rune(password)
	for length := 1; length <= len(text)/2; length++ {
		unit := string(text[:length])
		if len(text)%length == 0 && strings.Repeat(unit, len(text)/length) == password {
			return length <= short || commonPasswords[unit] || isKeyboardSequence(unit) || isDecoratedWord(unit)
		}
	}
	return false
}

// isDecoratedWord reports whether the password is a common word, or a repetition of one, with a few
// digits and signs around it, in plain or leet spelling.
func isDecoratedWord(password string) bool {
	const decoration = 8 // more may be random
	start, end := strings.IndexFunc(password, unicode.IsLetter), strings.LastIndexFunc(password, unicode.IsLetter)+1
	if start < 0 || len(password)-(end-start) > decoration {
		return false
	}
	for from := range start + 1 { // in leet spelling the decoration may begin or end with a letter
		for to := end; to <= len(password); to++ {
			if isRepeatedWord(leet.Replace(password[from:to])) {
				return true
			}
		}
	}
	return false
}

var leet = strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t", "@", "a", "$", "s", "!", "i")

// isRepeatedWord reports whether the text is a common word, once or more.
func isRepeatedWord(text string) bool {
	for length := 4; length <= len(text); length++ {
		if commonWords[text[:length]] && strings.Repeat(text[:length], len(text)/length) == text {
			return true
		}
	}
	return false
}

// keyboardSequences are rows, columns and zigzags of keyboards, the alphabet and the digits.
var keyboardSequences = []string{
	"1234567890-=", "!@#$%^&*()_+", "0123456789", "abcdefghijklmnopqrstuvwxyz",
	"qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./", // US
	"qwertzuiop", "yxcvbnm", "azertyuiop", "qsdfghjklm", "wxcvbn", // German, French
	"1qaz", "2wsx", "3edc", "4rfv", "5tgb", "6yhn", "7ujm", "8ik,", "9ol.", "0p;/", "!qaz", "@wsx", "#edc",
	"1q2w3e4r5t6y7u8i9o0p", "q1w2e3r4t5y6u7i8o9p0", "a1b2c3d4e5f6g7h8i9j0",
}

// neighbors holds all pairs of neighbors in the keyboard sequences, in both directions.
var neighbors = func() map[[2]rune]bool {
	set := map[[2]rune]bool{}
	for _, sequence := range keyboardSequences {
		keys := []rune(sequence)
		for i := 1; i < len(keys); i++ {
			set[[2]rune{keys[i-1], keys[i]}] = true
			set[[2]rune{keys[i], keys[i-1]}] = true
		}
	}
	return set
}()

// isKeyboardSequence reports whether the password consists of parts of keyboard sequences, or of
// repeated characters, with an average length of at least four. In natural languages the average is
// below two.
func isKeyboardSequence(password string) bool {
	const average = 4
	text := []rune(password)
	parts := 1
	for i := 1; i < len(text); i++ {
		if text[i] != text[i-1] && !neighbors[[2]rune{text[i-1], text[i]}] {
			parts++
		}
	}
	return len(text) >= average*parts
}
