package tracecontext

import (
	"context"
	"encoding/hex"
	"net/http"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/trace"
)

// Inject sets the headers of an outgoing request to the span that ctx carries, and takes them away where it carries none.
// Nil headers stay nil.
func Inject(ctx context.Context, h http.Header) {
	delete(h, headerParent)
	delete(h, headerState)
	sc := trace.SpanContextFromContext(ctx)
	if !sc.IsValid() || h == nil {
		return
	}
	traceID, spanID := sc.TraceID(), sc.SpanID()
	text := make([]byte, 0, flagsEnd)
	text = append(text, "00-"...)
	text = hex.AppendEncode(text, traceID[:])
	text = append(text, '-')
	text = hex.AppendEncode(text, spanID[:])
	text = append(text, '-')
	text = hex.AppendEncode(text, []byte{byte(sc.TraceFlags() & (trace.FlagsSampled | trace.FlagsRandom))})
	h[headerParent] = []string{string(text)}
	if state := sc.TraceState().String(); state != "" {
		h[headerState] = []string{state}
	}
}

// CorrelationID returns the id of the trace that a request is part of, 32 hexadecimal digits, or "". It is what
// errors.CorrelationMiddleware may fall back to.
func CorrelationID(r *http.Request) string {
	sc, ok := Parse(r.Header)
	if !ok {
		return ""
	}
	return sc.TraceID().String()
}

// Middleware puts the span of the caller into the ctx of a request, as a remote one. It does nothing for a request that is
// part of no trace, or whose ctx has a span already.
func Middleware() echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			if trace.SpanContextFromContext(r.Context()).IsValid() {
				return next(c)
			}
			if sc, ok := Parse(r.Header); ok {
				c.SetRequest(r.WithContext(trace.ContextWithRemoteSpanContext(r.Context(), sc)))
			}
			return next(c)
		}
	}
}
