package logging

import (
	"context"
	"fmt"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// Operation logs operation_started at debug and returns a function to defer, which logs operation_completed with its
// duration_ms, or operation_failed with the error where *err is not nil or the operation panics; the panic goes on. Until
// then *ctx carries the name of the operation and the fields.
//
//	func (s *Service) Summarize(ctx context.Context, id uuid.UUID) (err error) {
//		defer log.Operation(&ctx, "summarize", logging.String("note_id", id.String()))(&err)
//
// The error pointer may be nil for an operation that cannot fail. An operation that ends with its goroutine
// (runtime.Goexit) counts as completed.
func (l Logger) Operation(ctx *context.Context, name string, fields ...Field) func(err *error) {
	if ctx == nil {
		ctx = new(context.Context) //nolint:contextcheck // only nil is replaced
	}
	outer := *ctx
	inner := Bind(Bind(outer, String("operation", name)), fields...)
	*ctx = inner
	start := time.Now()
	l.Debug(inner, "operation_started")
	return func(err *error) {
		*ctx = outer
		took := Duration("duration_ms", time.Since(start))
		if r := recover(); r != nil {
			l.Error(inner, "operation_failed", String("result", "panic"), took, Err(panicError(r)))
			panic(r)
		}
		if err != nil && *err != nil {
			l.Error(inner, "operation_failed", String("result", "error"), took, Err(*err))
			return
		}
		l.Info(inner, "operation_completed", String("result", "ok"), took)
	}
}

func panicError(r any) error {
	if err, ok := r.(error); ok {
		return fmt.Errorf("panic: %w", err)
	}
	return fmt.Errorf("%s", panicked(r))
}

// Exception logs exception_raised for an error at the boundary, where it becomes a response: with its code, its status,
// the message that the client reads, the chain of its causes, its caller, which is the place where it was born, and from 500
// the stack. The level is warning below 500, error from 500, and info for a request that the client gave up. It does nothing
// for nil. As a method value it is what errors.Handler asks for.
func (l Logger) Exception(ctx context.Context, err *errors.Error) {
	if err == nil {
		return
	}
	status := err.Status()
	level := statusLevel(status)
	if !l.Enabled(level) {
		return
	}
	message, chain := err.Message, error(err)
	if message == "" {
		message = err.Code.Message
	}
	if message == "" {
		message = errors.CodeInternal.Message
	}
	if cause := err.Unwrap(); cause != nil {
		chain = cause
	}
	code := err.Code.Name
	if code == "" {
		code = errors.CodeInternal.Name
	}
	fields := []Field{String("error_code", code), Int("status_code", status), String("message", message), Err(chain)}
	if caller := err.Caller(); caller != "" {
		fields = append(fields, String("caller", caller))
	}
	if status >= errors.CodeInternal.Status {
		fields = append(fields, Strings("stack", err.Stack()))
	}
	l.at(ctx, level, "exception_raised", fields...)
}

// statusLevel returns the level at which an error status is logged.
func statusLevel(status int) logrus.Level {
	switch {
	case status == errors.StatusClientClosedRequest:
		return logrus.InfoLevel
	case status >= errors.CodeInternal.Status:
		return logrus.ErrorLevel
	default:
		return logrus.WarnLevel
	}
}
