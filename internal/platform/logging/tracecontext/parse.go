package tracecontext

import (
	"encoding/hex"
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/trace"
)

// The headers, as http.Header spells them.
const (
	headerParent = "Traceparent"
	headerState  = "Tracestate"
)

// Where the fields of a traceparent are: version-traceid-parentid-flags.
const (
	versionEnd = 2
	traceEnd   = versionEnd + 1 + 32
	parentEnd  = traceEnd + 1 + 16
	flagsEnd   = parentEnd + 1 + 2
	maxParent  = 512 // bytes of one of a later version, which may be longer than flagsEnd
)

// Parse returns the span of the caller that the headers name, as a remote one, and false where there is none or anything is
// wrong with traceparent: several of them, capitals, ids of zeros, a version of ff, more or less than version 00 has. Of a
// later version the fields of version 00 are read. A tracestate that is wrong is dropped by itself.
func Parse(h http.Header) (trace.SpanContext, bool) {
	values := h[headerParent]
	if len(values) != 1 {
		return trace.SpanContext{}, false
	}
	c, ok := parseParent(strings.Trim(values[0], " \t"))
	if !ok {
		return trace.SpanContext{}, false
	}
	c.TraceState = parseState(h[headerState])
	c.Remote = true
	return trace.NewSpanContext(c), true
}

func parseParent(text string) (c trace.SpanContextConfig, ok bool) {
	if len(text) < flagsEnd || len(text) > maxParent || text[versionEnd] != '-' || text[traceEnd] != '-' || text[parentEnd] != '-' {
		return c, false
	}
	var version, flags [1]byte
	if !decode(version[:], text[:versionEnd]) || version[0] == 0xff ||
		!decode(c.TraceID[:], text[versionEnd+1:traceEnd]) || !decode(c.SpanID[:], text[traceEnd+1:parentEnd]) ||
		!decode(flags[:], text[parentEnd+1:flagsEnd]) {
		return c, false
	}
	if rest := text[flagsEnd:]; rest != "" && (version[0] == 0 || rest[0] != '-') {
		return c, false
	}
	c.TraceFlags = trace.TraceFlags(flags[0]) & (trace.FlagsSampled | trace.FlagsRandom) // the others mean nothing yet
	return c, c.TraceID.IsValid() && c.SpanID.IsValid()
}

// decode reads hex in small letters, which is the only form there is.
func decode(dst []byte, text string) bool {
	for i := range len(text) {
		if c := text[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	_, err := hex.Decode(dst, []byte(text))
	return err == nil
}
