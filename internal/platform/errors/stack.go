package errors

import (
	"net/http"
	"runtime"
	"strconv"
)

const stackDepth = 24

// traced keeps an error and its program counters in one allocation; they are resolved to names only when somebody reads
// them.
type traced struct {
	Error
	pcs [stackDepth]uintptr
}

func build(code Code, message string, cause error) *Error {
	if code.status() < http.StatusInternalServerError || hasStack(cause) {
		return &Error{Code: code, Message: message, cause: cause}
	}
	t := &traced{Error: Error{Code: code, Message: message, cause: cause}}
	const skip = 3 // runtime.Callers, build, and New or Wrap
	t.stack = t.pcs[:runtime.Callers(skip, t.pcs[:])]
	return &t.Error
}

func hasStack(err error) bool {
	e, ok := AsType[*Error](err)
	return ok && e.trace() != nil
}

// trace returns the program counters of the innermost error of the chain that has any.
func (e *Error) trace() []uintptr {
	if e == nil {
		return nil
	}
	if inner, ok := AsType[*Error](e.cause); ok {
		if deeper := inner.trace(); deeper != nil {
			return deeper
		}
	}
	return e.stack
}

// Stack returns the trace of the innermost error of the chain that has one, a "function file:line" a call, innermost
// first. It is nil where there is none.
func (e *Error) Stack() []string {
	pcs := e.trace()
	if len(pcs) == 0 {
		return nil
	}
	lines := make([]string, 0, len(pcs))
	frames := runtime.CallersFrames(pcs)
	for {
		f, more := frames.Next()
		lines = append(lines, f.Function+" "+f.File+":"+strconv.Itoa(f.Line))
		if !more {
			return lines
		}
	}
}
