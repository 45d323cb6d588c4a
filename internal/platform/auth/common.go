package auth

import (
	_ "embed"
	"strings"
	"unicode"
)

//go:embed common_passwords.txt
var commonText string

//go:embed common_words.txt
var wordText string

// common holds the commonest passwords that are long enough to pass the rule of length, words what many of them are made of.
var common, words = lines(commonText), lines(wordText)

func lines(text string) map[string]bool {
	set := map[string]bool{}
	for line := range strings.Lines(text) {
		set[strings.TrimSpace(line)] = true
	}
	return set
}

// isCommon reports whether a password in lower case is on the list, or is made in a way that every guesser tries.
func isCommon(password string) bool {
	return common[password] || strings.TrimSpace(password) == "" || isRepeated(password) || isWalk(password) || isWord(password)
}

// isRepeated reports whether a short text, or one that is common itself, is all there is: abcabcabcabc, monkey1monkey1.
func isRepeated(password string) bool {
	const short = 4
	text := []rune(password)
	for length := 1; length <= len(text)/2; length++ {
		unit := string(text[:length])
		if len(text)%length != 0 || strings.Repeat(unit, len(text)/length) != password {
			continue
		}
		return length <= short || common[unit] || isWalk(unit) || isWord(unit)
	}
	return false
}

// isWord reports whether the password is one common word, maybe repeated, with a few digits and signs around it, in plain
// or in leet spelling.
func isWord(password string) bool {
	const decoration = 8 // more of it may well be random
	start, end := strings.IndexFunc(password, unicode.IsLetter), strings.LastIndexFunc(password, unicode.IsLetter)+1
	if start < 0 || len(password)-(end-start) > decoration {
		return false
	}
	for from := range start + 1 { // in leet, what looks like decoration may be a letter
		for to := end; to <= len(password); to++ {
			if core := password[from:to]; isWords(core) || isWords(leet.Replace(core)) {
				return true
			}
		}
	}
	return false
}

// leet undoes the spellings that are in every guesser's book.
var leet = strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t", "@", "a", "$", "s", "!", "i")

func isWords(text string) bool {
	if words[text] {
		return true
	}
	for length := 4; length <= len(text)/2; length++ {
		if words[text[:length]] && strings.Repeat(text[:length], len(text)/length) == text {
			return true
		}
	}
	return false
}
