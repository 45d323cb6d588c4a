package logging

import (
	"fmt"
	"reflect"
	"strconv"
	"time"
)

// textOf returns what the Error or String method of a foreign type returns, or the problem where that panics, as it does
// for a nil pointer in an error.
func textOf(method func() string) (text, problem string) {
	defer func() {
		if r := recover(); r != nil {
			text, problem = "", panicked(r)
		}
	}()
	return method(), ""
}

// errorText returns the text of an error, or the problem where it panics, as one does whose pointer is nil.
func errorText(v any) (text, problem string) {
	defer func() {
		if r := recover(); r != nil {
			text, problem = "", panicked(r)
		}
	}()
	return v.(error).Error(), "" //nolint:errcheck,forcetypeassert // of a kindError
}

// bytesOf returns what a marshalling method returns, or the problem where that fails or panics.
func bytesOf(method func() ([]byte, error)) (raw []byte, problem string) {
	defer func() {
		if r := recover(); r != nil {
			raw, problem = nil, panicked(r)
		}
	}()
	raw, err := method()
	if err != nil {
		return nil, err.Error()
	}
	return raw, ""
}

// panicked returns the text for what a panic threw. A value that is neither an error nor a text is named by its type: it may
// refer to itself, and to print that would never end.
func panicked(r any) string {
	switch r := r.(type) {
	case error, fmt.Stringer, string, bool, time.Duration:
		return fmt.Sprintf("panic: %v", r)
	}
	switch v := reflect.ValueOf(r); {
	case v.CanInt():
		return "panic: " + strconv.FormatInt(v.Int(), 10)
	case v.Kind() == reflect.String:
		return "panic: " + v.String()
	}
	return fmt.Sprintf("panic: a %T", r)
}
