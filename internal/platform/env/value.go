package env

import (
	"fmt"
	"math"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The rules of a schema, as findings name them.
const (
	RuleRequired  = "required"
	RuleType      = "type"
	RuleRange     = "range"
	RuleMinLength = "min_length"
	RuleMaxLength = "max_length"
	RulePattern   = "pattern"
	RuleAllowed   = "allowed_values"
	RuleProtocol  = "protocols"
	RuleUnknown   = "unknown"
)

// broken is a rule that a value breaks.
type broken struct{ rule, message string }

// judge returns the rules that a value breaks. A value that is not of its type is not judged any further.
func (v Variable) judge(value string) (list []broken) {
	number, ok := v.Type.read(value)
	if !ok {
		return []broken{{RuleType, "must be " + v.Type.phrase()}}
	}
	add := func(rule, format string, arguments ...any) {
		list = append(list, broken{rule, fmt.Sprintf(format, arguments...)})
	}
	if v.Type.isNumber() && (v.Min != nil && number < *v.Min || v.Max != nil && number > *v.Max) {
		add(RuleRange, "must be %s", bounds(v.Min, v.Max))
	}
	n := utf8.RuneCountInString(value)
	if n < v.MinLength {
		add(RuleMinLength, "must have at least %d characters", v.MinLength)
	}
	if v.MaxLength > 0 && n > v.MaxLength {
		add(RuleMaxLength, "must have at most %d characters", v.MaxLength)
	}
	if v.Pattern != "" {
		if re, err := whole(v.Pattern); err != nil {
			add(RulePattern, "cannot be judged: the pattern of the schema is not a regular expression")
		} else if !re.MatchString(value) {
			add(RulePattern, "must match the pattern of the schema")
		}
	}
	if len(v.AllowedValues) > 0 && !slices.Contains(v.AllowedValues, value) {
		add(RuleAllowed, "must be one of the %d allowed values", len(v.AllowedValues))
	}
	if scheme, _, _ := strings.Cut(value, ":"); len(v.Protocols) > 0 && !slices.Contains(v.Protocols, strings.ToLower(scheme)) {
		add(RuleProtocol, "must begin with one of: %s", strings.Join(v.Protocols, ", "))
	}
	return list
}

// whole compiles a pattern for the whole of a value. The first look is at the pattern alone: "a)|(b" must not become one.
func whole(pattern string) (*regexp.Regexp, error) {
	if _, err := regexp.Compile(pattern); err != nil {
		return nil, err
	}
	return regexp.Compile(`\A(?:` + pattern + `)\z`)
}

func bounds(low, high *float64) string {
	text := func(f *float64) string { return strconv.FormatFloat(*f, 'f', -1, 64) }
	switch {
	case high == nil:
		return "at least " + text(low)
	case low == nil:
		return "at most " + text(high)
	}
	return "in " + text(low) + ".." + text(high)
}

func (t Type) isNumber() bool { return t == TypeInteger || t == TypeFloat || t == TypeDuration }

// phrase says what a value of the type is, for people.
func (t Type) phrase() string {
	switch t {
	case TypeInteger:
		return "a whole number"
	case TypeFloat:
		return "a number"
	case TypeBoolean:
		return "true, false, yes, no, on, off, 1 or 0"
	case TypeURL:
		return "a URL with scheme and host"
	case TypeEmail:
		return "an email address"
	case TypePath:
		return "a path"
	case TypeDuration:
		return "a duration such as 30s, or a number of seconds"
	default:
		return "text"
	}
}

// read reports whether a value is of the type, and returns the number that it is; a duration is in seconds.
func (t Type) read(value string) (number float64, ok bool) {
	switch t {
	case TypeInteger:
		n, err := strconv.ParseInt(value, 10, 64)
		return float64(n), err == nil
	case TypeFloat:
		f, err := strconv.ParseFloat(value, 64)
		return f, err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
	case TypeBoolean:
		return 0, slices.Contains([]string{"true", "false", "yes", "no", "on", "off", "1", "0"}, strings.ToLower(value))
	case TypeURL:
		u, err := url.Parse(value)
		return 0, err == nil && u.Scheme != "" && u.Host != ""
	case TypeEmail:
		a, err := mail.ParseAddress(value)
		return 0, err == nil && a.Address == value
	case TypePath:
		return 0, value != "" && !strings.Contains(value, "\x00")
	case TypeDuration:
		return seconds(value)
	default: // any text
		return 0, true
	}
}

func seconds(value string) (float64, bool) {
	if f, err := strconv.ParseFloat(value, 64); err == nil {
		return f, !math.IsNaN(f) && !math.IsInf(f, 0)
	}
	d, err := time.ParseDuration(value)
	return d.Seconds(), err == nil
}
