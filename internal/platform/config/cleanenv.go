package config

import (
	"fmt"
	"os"
	"reflect"
	"sync"

	"github.com/ilyakaznacheev/cleanenv"
)

// stagingVariable is the one variable of the process environment that this package writes.
const stagingVariable = "_CONFIG_STAGED_VALUE"

// staging is held while the variable is set.
var staging sync.Mutex

// decode has cleanenv turn text into a value of type t. It reports false where cleanenv refuses; what cleanenv says then
// holds the value and is dropped.
//
// cleanenv reads the process environment only, names a field instead of its variable, and stops at the first error. So
// each value is given to it alone: in a struct of one field, through one variable that is removed again right away. A
// secret never goes through the environment, where a process started at that moment would inherit it; a conversion is
// all that it needs.
func decode(t reflect.Type, text, separator, layout string) (reflect.Value, bool) {
	if t == secretType {
		return reflect.ValueOf(Secret(text)), true
	}
	box := reflect.New(boxType(t, separator, layout))
	held := box.Elem().Field(0)
	if indirect(t) {
		held.Set(reflect.New(t))
	}
	if !readStaged(box.Interface(), text) {
		return reflect.Value{}, false
	}
	if indirect(t) {
		held = held.Elem()
	}
	return held, true
}

func readStaged(box any, text string) bool {
	staging.Lock()
	defer staging.Unlock()
	if os.Setenv(stagingVariable, text) != nil {
		return false
	}
	// Deferred, because a type may panic while it reads itself.
	defer func() { _ = os.Unsetenv(stagingVariable) }()
	return cleanenv.ReadEnv(box) == nil
}

// boxType returns struct{ Value T } with cleanenv's tags. There are as many such types as there are types of fields.
func boxType(t reflect.Type, separator, layout string) reflect.Type {
	if indirect(t) {
		t = reflect.PointerTo(t)
	}
	tag := fmt.Sprintf("%s:%q %s:%q", tagName, stagingVariable, tagSeparator, separator)
	if layout != "" {
		tag += fmt.Sprintf(" %s:%q", tagLayout, layout)
	}
	return reflect.StructOf([]reflect.StructField{{Name: "Value", Type: t, Tag: reflect.StructTag(tag)}})
}

// indirect reports whether cleanenv must be given a pointer: it would look for variables inside of a struct that reads
// itself from text.
func indirect(t reflect.Type) bool { return t.Kind() == reflect.Struct && !knownStruct(t) }
