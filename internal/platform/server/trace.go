package server

import (
	"encoding/hex"
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/trace"
)

const headerTraceparent = "Traceparent" // as http.Header spells it

// remoteSpan returns the caller's span from the traceparent header (W3C Trace Context, level 2), or
// an invalid SpanContext if the header is absent, repeated or malformed. Of later versions, which
// may append fields, it reads the fields of version 00.
func remoteSpan(h http.Header) trace.SpanContext {
	values := h[headerTraceparent]
	if len(values) != 1 || len(values[0]) > 512 {
		return trace.SpanContext{}
	}
	fields := strings.Split(strings.Trim(values[0], " \t"), "-")
	if len(fields) < 4 {
		return trace.SpanContext{}
	}
	version, ok := hexByte(fields[0])
	traceID, traceErr := trace.TraceIDFromHex(fields[1])
	spanID, spanErr := trace.SpanIDFromHex(fields[2])
	flags, flagsOK := hexByte(fields[3])
	if !ok || version == 0xff || version == 0 && len(fields) > 4 || traceErr != nil || spanErr != nil || !flagsOK {
		return trace.SpanContext{}
	}
	return trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: traceID, SpanID: spanID, Remote: true,
		TraceFlags: trace.TraceFlags(flags) & (trace.FlagsSampled | trace.FlagsRandom), // the other bits are reserved
	})
}

// hexByte reads two lower-case hexadecimal digits.
func hexByte(text string) (byte, bool) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != 1 || strings.ToLower(text) != text {
		return 0, false
	}
	return b[0], true
}
