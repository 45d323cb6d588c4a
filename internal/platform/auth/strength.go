package auth

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

const (
	minPassword  = 12  // characters
	maxPassword  = 128 // characters; all of them count, nothing is cut off
	minLocalPart = 3   // shorter ones are in too many good passwords
)

// CheckPassword says whether a new password is strong enough: 12 to 128 characters, none of the commonest nor made the way
// the commonest are, and without the part of the email before the @ (where that has three characters or more). There are no
// rules about digits or signs: NIST SP 800-63B advises against them. What is wrong comes as a VALIDATION_ERROR about the
// field password, which never quotes it.
//
// The commonest are those of a list and those that follow a pattern that every guesser tries: a common word or two with
// digits and signs around it, also repeated or in leet spelling, walks over the keyboard, sequences, repetitions of a few
// characters, dates.
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
		return errors.Invalid("password", "common", "is too easy to guess: it is one of the commonest passwords, or made like one")
	}
	local, _, _ := strings.Cut(strings.ToLower(norm.NFC.String(email)), "@")
	if utf8.RuneCountInString(local) >= minLocalPart && strings.Contains(password, local) {
		return errors.Invalid("password", "contains_email", "must not contain the name in the email address")
	}
	return nil
}
