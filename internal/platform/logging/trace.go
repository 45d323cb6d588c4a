package logging

import (
	"context"
	"encoding/hex"

	"go.opentelemetry.io/otel/trace"
)

var (
	traceKey = newKey("trace_id")
	spanKey  = newKey("span_id")
)

// span is the ids of the OpenTelemetry span of a ctx, as bytes. The zero value is no span.
type span struct {
	trace trace.TraceID
	id    trace.SpanID
}

// noSpan is what OpenTelemetry has for a ctx without a span.
var noSpan = trace.SpanFromContext(context.Background())

func spanOf(ctx context.Context) span {
	s := trace.SpanFromContext(ctx)
	if s == noSpan { // most lines: a span context is large to copy
		return span{}
	}
	sc := s.SpanContext()
	if !sc.IsValid() {
		return span{}
	}
	return span{sc.TraceID(), sc.SpanID()}
}

func (s span) exists() bool { return s.trace.IsValid() }

// span appends trace_id and span_id in hex, but for those that a field replaces.
func (l *line) span(set ctxFields, mask uint64) {
	if !set.span.exists() {
		return
	}
	if !l.replaced(traceKey, set.bound, mask) {
		l.hex(traceKey, set.span.trace[:])
	}
	if !l.replaced(spanKey, set.bound, mask) {
		l.hex(spanKey, set.span.id[:])
	}
}

func (l *line) hex(k *key, id []byte) {
	if l.console {
		l.own = String(k.name, hex.EncodeToString(id))
		l.field(k, &l.own)
		return
	}
	l.b = append(l.b, k.json...)
	l.b = append(l.b, '"')
	l.b = hex.AppendEncode(l.b, id)
	l.b = append(l.b, '"')
}
