package errors

import (
	"net/http"
	"reflect"
	"runtime"
	"strconv"
	"strings"
)

const (
	stackDepth = 24
	birthDepth = 2 // a constructor of this package goes through one other at most; each frame costs 25 ns
)

// born keeps an error and the program counters around its birth in one allocation; traced keeps those of a whole stack.
// They are resolved to names only when somebody reads them.
type born struct {
	Error
	pcs [birthDepth]uintptr
}

type traced struct {
	Error
	pcs [stackDepth]uintptr
}

// skip leaves out runtime.Callers, build and the constructor that called it. A second one is left out when the names are
// resolved.
const skip = 3

func build(code Code, message string, cause error) *Error {
	if code.status() < http.StatusInternalServerError || hasStack(cause) {
		b := &born{Error: Error{Code: code, Message: message, cause: cause}}
		b.birth = b.pcs[:runtime.Callers(skip, b.pcs[:])]
		return &b.Error
	}
	t := &traced{Error: Error{Code: code, Message: message, cause: cause, deep: true}}
	t.birth = t.pcs[:runtime.Callers(skip, t.pcs[:])]
	return &t.Error
}

// adopt is build for an error of somebody else, of which nobody knows where it was born.
func adopt(cause error, code Code) *Error {
	e := build(code, "", cause)
	if !e.deep {
		e.birth = nil
	}
	return e
}

func hasStack(err error) bool {
	e, ok := AsType[*Error](err)
	return ok && e.origin(true) != nil
}

// origin returns the innermost error of the chain that knows where it was born; deep asks for one with a whole stack.
func (e *Error) origin(deep bool) *Error {
	if e == nil {
		return nil
	}
	if inner, ok := AsType[*Error](e.cause); ok {
		if o := inner.origin(deep); o != nil {
			return o
		}
	}
	if len(e.birth) == 0 || deep && !e.deep {
		return nil
	}
	return e
}

// Stack returns the trace of the innermost error of the chain that has one, a "function file:line" a call, innermost
// first. Errors with a status from 500 have one; it is nil where there is none.
func (e *Error) Stack() []string {
	o := e.origin(true)
	if o == nil {
		return nil
	}
	lines := make([]string, 0, len(o.birth))
	for f := range frames(o.birth) {
		lines = append(lines, f.Function+" "+f.File+":"+strconv.Itoa(f.Line))
	}
	return lines
}

// Caller returns the place where the error was born, as "function file:line": the call of a constructor of this package,
// for the innermost error of the chain that has one. It is empty for an error that came from elsewhere.
func (e *Error) Caller() string {
	o := e.origin(false)
	if o == nil {
		return ""
	}
	for f := range frames(o.birth) {
		return f.Function + " " + f.File + ":" + strconv.Itoa(f.Line)
	}
	return ""
}

// frames yields the calls behind pcs, from the first that is not in this package on.
func frames(pcs []uintptr) func(func(runtime.Frame) bool) {
	return func(yield func(runtime.Frame) bool) {
		calls := runtime.CallersFrames(pcs)
		for outside := false; ; {
			f, more := calls.Next()
			outside = outside || !strings.HasPrefix(f.Function, ownPrefix)
			if outside && !yield(f) || !more {
				return
			}
		}
	}
}

// ownPrefix is what the names of the functions of this package begin with.
var ownPrefix = reflect.TypeFor[Error]().PkgPath() + "."
