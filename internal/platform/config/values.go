package config

import (
	"fmt"
	"math"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"github.com/ilyakaznacheev/cleanenv"

	"github.com/netrun-systems/go-service-template/internal/platform/env/strength"
)

// parse converts a text to a value of the field. It reports what is wrong with the text, and returns
// false if anything is.
func (f *field) parse(t text, production bool, found *problems) (reflect.Value, bool) {
	refuse := func(rule, message string) (reflect.Value, bool) {
		found.unread(Problem{f.name, rule, message, t.source})
		return reflect.Value{}, false
	}
	if strings.Contains(t.value, "\x00") {
		return refuse("type", "must not contain a NUL byte")
	}
	if f.secret() && production {
		secret, whole := strength.Of(t.value)
		whole = whole && !strings.HasSuffix(f.name, "URL") // an invalid URL has a better message
		switch {
		case strength.Placeholder(secret):
			return refuse("placeholder", "must not be a placeholder or contain a placeholder password")
		case whole && strength.Weak(secret):
			return refuse("weak", fmt.Sprintf("must be random and have at least %d characters", strength.MinLength/2))
		}
	}
	v, ok := f.convert(t.value)
	if !ok {
		return refuse("type", "must be "+format(f.typ))
	}
	if f.rule.allows != nil && !f.rule.allows(v) {
		return refuse(f.rule.name, f.rule.message)
	}
	return v, true
}

// rule is the tag env-rule: a check of a converted value, which may also rewrite it.
type rule struct {
	name    string
	message string // "must be …"
	allows  func(v reflect.Value) bool
}

// parseRule parses env-rule, NAME=ARGUMENT.
func (f *field) parseRule(tag string) (err error) {
	name, argument, _ := strings.Cut(tag, "=")
	words := strings.Fields(argument)
	switch {
	case tag == "":
		return nil
	case name == "range":
		f.rule, err = f.rangeRule(argument)
	case name == "oneof" && len(words) > 0 && (isList(f.typ) || f.typ.Kind() == reflect.String):
		f.rule = f.oneOf(words)
	default:
		err = fmt.Errorf("no such rule for type %s", f.typ)
	}
	if err != nil {
		return fmt.Errorf("env-rule %q: %w", tag, err)
	}
	return nil
}

// oneOf ignores case and rewrites each item to the spelling in the tag.
func (f *field) oneOf(allowed []string) rule {
	message := "must be one of "
	if isList(f.typ) {
		message = "must be a list of "
	}
	rewrite := func(item reflect.Value) bool {
		text := strings.TrimSpace(item.String())
		i := slices.IndexFunc(allowed, func(s string) bool { return strings.EqualFold(s, text) })
		if i >= 0 {
			item.SetString(allowed[i])
		}
		return i >= 0
	}
	return rule{"oneof", message + strings.Join(allowed, ", "), func(v reflect.Value) bool {
		if !isList(f.typ) {
			return rewrite(v)
		}
		for i := range v.Len() {
			if !rewrite(v.Index(i)) {
				return false
			}
		}
		return true
	}}
}

// rangeRule parses range=MIN..MAX. MAX may be left out; both are written like a value of the field.
func (f *field) rangeRule(argument string) (rule, error) {
	low, high, found := strings.Cut(argument, "..")
	if !found || low == "" || !isNumber(f.typ) {
		return rule{}, fmt.Errorf("range=MIN..MAX requires a number, a duration or a size")
	}
	least, okLow := f.bound(low)
	most, okHigh := f.bound(high)
	if !okLow || high != "" && !okHigh {
		return rule{}, fmt.Errorf("a bound is not %s", format(f.typ))
	}
	message := fmt.Sprintf("must be between %s and %s", low, high)
	if high == "" {
		most, message = math.Inf(1), "must be at least "+low
	}
	return rule{"range", message, func(v reflect.Value) bool {
		n := number(v)
		return n >= least && n <= most
	}}, nil
}

func (f *field) bound(text string) (float64, bool) {
	v, ok := f.convert(text)
	if !ok {
		return 0, false
	}
	return number(v), true
}

func isNumber(t reflect.Type) bool {
	v := reflect.Zero(t)
	return v.CanInt() || v.CanUint() || v.CanFloat()
}

func number(v reflect.Value) float64 { return v.Convert(reflect.TypeFor[float64]()).Float() }

// convert converts a text to a settable value of the field's type, and reports false if it is none.
func (f *field) convert(text string) (reflect.Value, bool) {
	if f.secret() { // never through the process environment, which a process started meanwhile would inherit
		v := reflect.New(f.typ).Elem()
		v.SetString(text)
		return v, true
	}
	text, ok := normalize(f.typ, text)
	if !ok {
		return reflect.Value{}, false
	}
	return readWithCleanenv(f.typ, text)
}

// normalize rewrites a text to the form that cleanenv reads as intended, and reports false if it is
// not of the type.
func normalize(t reflect.Type, text string) (string, bool) {
	trimmed := strings.TrimSpace(text)
	switch v := reflect.Zero(t); {
	case t == bytesType || t.Kind() == reflect.String:
		return text, true
	case isList(t):
		return list(text), true
	case t.Kind() == reflect.Bool:
		return boolean(trimmed), true
	case t == durationType:
		return duration(trimmed), true
	case v.CanFloat():
		n, err := strconv.ParseFloat(trimmed, 64)
		return trimmed, err == nil && !math.IsNaN(n) && !math.IsInf(n, 0)
	default:
		return whole(trimmed)
	}
}

// list trims the items of a list and removes empty ones.
func list(text string) string {
	items := strings.Split(text, separator)
	for i, item := range items {
		items[i] = strings.TrimSpace(item)
	}
	return strings.Join(slices.DeleteFunc(items, func(item string) bool { return item == "" }), separator)
}

// boolean adds the words yes, no, on and off to those of strconv.ParseBool.
func boolean(text string) string {
	switch strings.ToLower(text) {
	case "yes", "on":
		return "true"
	case "no", "off":
		return "false"
	}
	return strings.ToLower(text)
}

// duration adds the unit to a bare number of seconds.
func duration(text string) string {
	if _, err := strconv.ParseFloat(text, 64); err == nil && !strings.ContainsFunc(text, unicode.IsLetter) {
		return text + "s"
	}
	return text
}

// whole accepts decimal digits only and removes leading zeros. cleanenv would read 010 as eight,
// and 0x10 and 1_000 as numbers.
func whole(text string) (string, bool) {
	sign, digits := "", text
	if text != "" && (text[0] == '-' || text[0] == '+') {
		sign, digits = strings.TrimPrefix(text[:1], "+"), text[1:]
	}
	if digits == "" || strings.ContainsFunc(digits, func(r rune) bool { return r < '0' || r > '9' }) {
		return "", false
	}
	if digits = strings.TrimLeft(digits, "0"); digits == "" {
		return "0", true
	}
	return sign + digits, true
}

// stagingVariable is the only variable of the process environment that this package sets.
const stagingVariable = "_CONFIG_STAGED_VALUE"

var (
	staging sync.Mutex                        // held while stagingVariable is set
	boxes   = map[reflect.Type]reflect.Type{} // struct{ Value T } by T, guarded by staging
)

// readWithCleanenv has cleanenv convert a text to a value of type t, and reports false if it
// refuses. It is the only use of cleanenv. It passes one value at a time, in a struct of one field
// and through a variable that it removes again, which lifts these limits of cleanenv.ReadEnv and
// ReadConfig:
//
//   - They stop at the first error. Here each variable is read, so that all problems are found.
//   - Their errors name the Go field and contain the value. Here the error is dropped, and the
//     caller names the variable.
//   - env-required holds even if it is "false", and an empty variable counts as set and hides the
//     default. Here sources decides whether a variable is set, and Validate whether it has to be.
//   - ReadConfig lets the dotenv file override the process environment and copies the file into it.
//     Here sources decides which text is used, and the environment keeps nothing.
//   - They do not trim the items of a list, and read 010 as octal. Here normalize prepares the text.
//   - A failed read leaves the struct half filled. Here the caller discards the struct.
func readWithCleanenv(t reflect.Type, text string) (reflect.Value, bool) {
	staging.Lock()
	defer staging.Unlock()
	if boxes[t] == nil {
		value := reflect.StructField{Name: "Value", Type: t, Tag: tagName + `:"` + stagingVariable + `"`}
		boxes[t] = reflect.StructOf([]reflect.StructField{value})
	}
	box := reflect.New(boxes[t])
	if os.Setenv(stagingVariable, text) != nil {
		return reflect.Value{}, false
	}
	defer func() { _ = os.Unsetenv(stagingVariable) }()
	return box.Elem().Field(0), cleanenv.ReadEnv(box.Interface()) == nil
}
