package errors

import (
	"net/http"
	"reflect"
	"runtime"
	"strconv"
	"strings"
)

const (
	stackDepth  = 24
	callerDepth = 2 // a constructor of this package calls at most one other; each frame costs 25 ns

	// skipped is the number of frames of runtime.Callers, build and the constructor. calls drops a
	// second constructor.
	skipped = 3
)

// withCaller and withStack hold an error and its program counters in one allocation. The counters
// are resolved to names only when they are read.
type withCaller struct {
	Error
	pcs [callerDepth]uintptr
}

type withStack struct {
	Error
	pcs [stackDepth]uintptr
}

func build(code Code, message string, cause error) *Error {
	var e *Error
	var pcs []uintptr
	stack := code.errorStatus() >= http.StatusInternalServerError && !hasStack(cause)
	if stack {
		t := new(withStack)
		e, pcs = &t.Error, t.pcs[:]
	} else {
		t := new(withCaller)
		e, pcs = &t.Error, t.pcs[:]
	}
	*e = Error{Code: code, Message: message, cause: cause, hasStack: stack, pcs: pcs[:runtime.Callers(skipped, pcs)]}
	return e
}

func hasStack(err error) bool {
	e, _ := AsType[*Error](err)
	return e.origin(true) != nil
}

// adopt is build for an error of another package, whose origin is unknown.
func adopt(cause error, code Code) *Error {
	e := build(code, "", cause)
	if !e.hasStack {
		e.pcs = nil
	}
	return e
}

// origin returns the innermost error of the chain that has program counters, or with stack set, a
// whole stack. It returns nil if there is none.
func (e *Error) origin(stack bool) *Error {
	if e == nil {
		return nil
	}
	if inner, ok := AsType[*Error](e.cause); ok {
		if o := inner.origin(stack); o != nil {
			return o
		}
	}
	if len(e.pcs) == 0 || stack && !e.hasStack {
		return nil
	}
	return e
}

// Stack returns the stack of the innermost error of the chain that has one, innermost call first,
// as "function file:line", or nil if there is none. Errors with a status from 500 have a stack.
func (e *Error) Stack() []string { return e.origin(true).calls() }

// Caller returns the place where the innermost error of the chain was made, as "function
// file:line", or "" if that is not known, as for an error of another package.
func (e *Error) Caller() string {
	if calls := e.origin(false).calls(); len(calls) > 0 {
		return calls[0]
	}
	return ""
}

// ownPrefix is how the names of the functions of this package begin.
var ownPrefix = reflect.TypeFor[Error]().PkgPath() + "."

// calls resolves the program counters of e, from the first call outside of this package.
func (e *Error) calls() (calls []string) {
	if e == nil {
		return nil
	}
	frames := runtime.CallersFrames(e.pcs)
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		if len(calls) > 0 || !strings.HasPrefix(f.Function, ownPrefix) {
			calls = append(calls, f.Function+" "+f.File+":"+strconv.Itoa(f.Line))
		}
	}
	return calls
}
