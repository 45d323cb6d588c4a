package dotenv

import (
	"fmt"
	"strings"
)

// The rules that a [SyntaxError] names.
const (
	RuleEncoding  = "encoding"  // the file is not UTF-8 text
	RuleName      = "name"      // a line has no name before its =, or a name's quote is not closed
	RuleDelimiter = "delimiter" // something other than = follows a name
	RuleQuote     = "quote"     // a quoted value is not closed
	RuleTrailing  = "trailing"  // something other than a comment follows a closing quote
)

// SyntaxError is one place of a file that could not be read. It holds nothing of the file's text.
type SyntaxError struct {
	Line    int    // from 1
	Column  int    // in characters, from 1
	Rule    string // for machines, one of the Rule constants
	Message string // for people
}

// Error returns the place and the message.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Message)
}

// Errors is everything that is wrong with a file, in the order of its lines. It is never empty when [Parse] returns it.
type Errors []*SyntaxError

// Error returns one line for each error.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the errors, for errors.As.
func (e Errors) Unwrap() []error {
	errs := make([]error, len(e))
	for i, one := range e {
		errs[i] = one
	}
	return errs
}
