package logging

import (
	"cmp"
	"context"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// Operation logs operation_started at debug and returns a function to defer. That one logs
// operation_completed with duration_ms, or operation_failed if *err is not nil or the operation
// panics; the panic goes on. Until then *ctx carries the name of the operation and the fields.
//
//	func (s *Service) Summarize(ctx context.Context, id uuid.UUID) (err error) {
//		defer log.Operation(&ctx, "summarize", logging.String("note_id", id.String()))(&err)
//
// The error pointer may be nil. An operation that ends with its goroutine (runtime.Goexit) counts
// as completed.
func (l Logger) Operation(ctx *context.Context, name string, fields ...Field) func(err *error) {
	if ctx == nil {
		ctx = new(context.Context) //nolint:contextcheck // only nil is replaced
	}
	outer := *ctx
	inner := Bind(outer, append([]Field{String("operation", name)}, fields...)...)
	*ctx = inner
	start := time.Now()
	l.Debug(inner, "operation_started")
	return func(err *error) {
		*ctx = outer
		took := Duration("duration_ms", time.Since(start))
		if r := recover(); r != nil {
			l.Error(inner, "operation_failed", String("result", "panic"), took, String("error", panicText(r)))
			panic(r)
		}
		if err != nil && *err != nil {
			l.Error(inner, "operation_failed", String("result", "error"), took, Err(*err))
			return
		}
		l.Info(inner, "operation_completed", String("result", "ok"), took)
	}
}

// Exception logs exception_raised for an error that becomes a response: its code and status, the
// message for the client, the chain of causes, the place where it was created, and from 500 the
// stack if the error has one. The level is that of [StatusLevel]. It does nothing for nil, and for an
// error with a cause that has the method Audited, because an audit event has reported it.
func (l Logger) Exception(ctx context.Context, err *errors.Error) {
	if err == nil {
		return
	}
	if _, audited := errors.AsType[interface {
		error
		Audited()
	}](err); audited {
		return
	}
	status := err.Status()
	level := StatusLevel(status)
	if !l.Enabled(level) {
		return
	}
	fields := []Field{
		String("error_code", cmp.Or(err.Code.Name, errors.CodeInternal.Name)), Int("status_code", status),
		String("message", err.ClientMessage()), Err(cmp.Or(err.Unwrap(), error(err))),
	}
	if caller := err.Caller(); caller != "" {
		fields = append(fields, String("caller", caller))
	}
	if stack := err.Stack(); stack != nil && status >= errors.CodeInternal.Status {
		fields = append(fields, Strings("stack", stack))
	}
	l.Log(ctx, level, "exception_raised", fields...)
}

// StatusLevel returns the level at which a response with this status is logged: error from 500,
// warning from 400 except for 404 and 499 (the client closed the request), else info.
func StatusLevel(status int) logrus.Level {
	switch {
	case status >= errors.CodeInternal.Status:
		return logrus.ErrorLevel
	case status < errors.CodeValidation.Status,
		status == errors.CodeNotFound.Status, status == errors.StatusClientClosedRequest:
		return logrus.InfoLevel
	default:
		return logrus.WarnLevel
	}
}
