package config

import (
	"fmt"
	"net"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/netrun-systems/go-service-template/internal/platform/env/strength"
)

const (
	strongMessage      = "must be a random secret of at least 32 characters, not a placeholder"
	placeholderMessage = "must not be a placeholder, nor hold a password that is one"
)

// rule is one check of env-rule. A text rule sees each item of a list before it is read, and may rewrite it; a value rule
// sees the value after it was read.
type rule struct {
	name       string
	message    string // for people: "must be …"
	text       func(item string) (string, bool)
	value      func(v reflect.Value) bool
	production bool // checked in production only
}

// parseRules reads env-rule: rules separated by commas, each a name or name=argument. A secret has one that nobody writes.
func (f *field) parseRules() error {
	if f.secret() && !strings.Contains(f.ruleText, "strong") { // which says the same
		f.rules = append(f.rules, rule{name: "placeholder", message: placeholderMessage, text: noPlaceholder, production: true})
	}
	if f.ruleText == "" {
		return nil
	}
	for part := range strings.SplitSeq(f.ruleText, ",") {
		name, argument, _ := strings.Cut(strings.TrimSpace(part), "=")
		if name == "required" {
			f.required = true
			continue
		}
		r, err := f.newRule(name, argument)
		if err != nil {
			return fmt.Errorf("env-rule %q: %w", part, err)
		}
		r.name = name
		f.rules = append(f.rules, r)
	}
	return nil
}

func (f *field) newRule(name, argument string) (rule, error) {
	t := itemType(f.typ)
	if name == "range" {
		return f.rangeRule(argument)
	}
	if t.Kind() != reflect.String && (name != "url" || t != urlType) {
		return rule{}, fmt.Errorf("the rule does not fit %s", f.typ)
	}
	switch name {
	case "oneof":
		return oneOf(strings.Fields(argument))
	case "url":
		return urlRule(strings.Fields(argument)), nil
	case "addr":
		return rule{message: "must be host:port, the host may be empty", text: addr}, nil
	case "minlen":
		return minLength(argument)
	case "strong":
		return rule{message: strongMessage, text: func(s string) (string, bool) { return s, strength.Strong(s) }, production: true}, nil
	}
	return rule{}, fmt.Errorf("there is no such rule")
}

// oneOf ignores case and rewrites the item to the way it is spelled in the tag.
func oneOf(allowed []string) (rule, error) {
	if len(allowed) == 0 {
		return rule{}, fmt.Errorf("oneof=a b c lists what is allowed")
	}
	return rule{
		message: "must be one of " + strings.Join(allowed, ", "),
		text: func(item string) (string, bool) {
			item = strings.TrimSpace(item)
			i := slices.IndexFunc(allowed, func(s string) bool { return strings.EqualFold(s, item) })
			if i < 0 {
				return item, false
			}
			return allowed[i], true
		},
	}, nil
}

// urlRule asks for an absolute URL with a host, of one of the schemes if there are any.
func urlRule(schemes []string) rule {
	message := "must be a URL with scheme and host"
	if len(schemes) > 0 {
		message = "must be a URL that begins with " + strings.Join(schemes, ":// or ") + "://"
	}
	return rule{message: message, text: func(item string) (string, bool) {
		u, err := url.Parse(item)
		ok := err == nil && u.Scheme != "" && u.Host != "" && (len(schemes) == 0 || slices.Contains(schemes, u.Scheme))
		return item, ok
	}}
}

// noPlaceholder looks at a secret, or at the password in one that is a URL or a DSN.
func noPlaceholder(item string) (string, bool) {
	secret, _ := strength.Of(item)
	return item, !strength.Placeholder(secret)
}

func addr(item string) (string, bool) {
	_, port, err := net.SplitHostPort(item)
	if err != nil {
		return item, false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return item, err == nil
}

func minLength(argument string) (rule, error) {
	least, err := strconv.Atoi(argument)
	if err != nil || least < 1 {
		return rule{}, fmt.Errorf("minlen=N is a number of characters")
	}
	return rule{
		message: fmt.Sprintf("must be at least %d characters long", least),
		text:    func(item string) (string, bool) { return item, utf8.RuneCountInString(item) >= least },
	}, nil
}

// rangeRule is range=MIN..MAX, either end may be left out. The ends are written as a value of the field would be.
func (f *field) rangeRule(argument string) (rule, error) {
	low, high, found := strings.Cut(argument, "..")
	if !found || low+high == "" || !isNumber(f.typ) {
		return rule{}, fmt.Errorf("range=MIN..MAX is for numbers, durations and sizes")
	}
	least, okLow := f.bound(low)
	most, okHigh := f.bound(high)
	if !okLow || !okHigh {
		return rule{}, fmt.Errorf("a bound is not %s", format(f.typ))
	}
	message := fmt.Sprintf("must be in %s..%s", low, high)
	switch {
	case low == "":
		message = "must be at most " + high
	case high == "":
		message = "must be at least " + low
	}
	return rule{message: message, value: func(v reflect.Value) bool {
		n := number(v.Interface())
		return (low == "" || n >= least) && (high == "" || n <= most)
	}}, nil
}

func (f *field) bound(text string) (float64, bool) {
	if text == "" {
		return 0, true
	}
	v, ok := f.decode([]string{text})
	if !ok {
		return 0, false
	}
	return number(v.Interface()), true
}

func isNumber(t reflect.Type) bool {
	v := reflect.Zero(t)
	return v.CanInt() || v.CanUint() || v.CanFloat()
}
