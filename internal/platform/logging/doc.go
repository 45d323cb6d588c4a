// Package logging writes one JSON object a line, on logrus, so that no line is lost, no secret gets in, and every line of a
// request can be found by its correlation id.
//
//	var log = logging.For() // the name of the package, once
//
//	ctx = logging.Bind(ctx, logging.String("tenant_id", tenant)) // in every later line of this ctx
//	log.Info(ctx, "note_created", logging.String("note_id", id))
//	defer log.Operation(&ctx, "summarize")(&err)
//
// A line has time, level, event, logger, app and environment, then the correlation id, the trace_id and span_id of the ctx's
// OpenTelemetry span and the fields of the ctx, then those of the call, in this order. Of several fields with one key the
// last wins. A field that has the key of one of the line's own members gets the prefix "fields.".
//
// # Values
//
// A field holds any value. Errors are their text, durations milliseconds, times RFC 3339 in UTC, byte slices text where they
// are UTF-8 and base64 else. Other types are asked for MarshalJSON, MarshalText or String in this order, else written by
// their parts, structs under their JSON names. What has no JSON, fails or panics becomes a text that begins with !ERROR. A
// text is cut at 8 KiB, a line at 64 KiB, nesting at 10 levels; what is cut says so. Line breaks and control characters are
// escaped, so that an event is one line. What logrus itself refuses before a formatter sees it, a function in WithFields, is
// missing; a [Field] says what it was.
//
// # Redaction
//
// The value of a sensitive name is [REDACTED], at any depth. Names match by word: apiKey, db_password and Set-Cookie are
// sensitive; tokens_used, token_type and author are not. Texts go through [Redact]. Private keys, the values of cookies and
// the passwords of URLs never show, whatever they are called. [Secret] is a string that never shows.
//
// # Where lines go
//
// To one writer, whole and one at a time. A short write is completed. A writer that fails does not fail those who log: the
// first error of an outage is told on standard error as log_write_failed, and the first line after it is followed by
// log_lines_lost with lines_lost, how many there were. A reader of standard output that goes away is such an error (EPIPE),
// and does not end the process by SIGPIPE. A writer that blocks holds up those who log, since nothing is dropped for being
// late. No method ends the process, not even logrus's own Fatal; that of the standard package log still does.
//
// # Events that repeat
//
// [Sampling] thins out lines of one event that come too often, and counts what it drops. [Logger.Audit] and
// [Logger.AuditWarn] write what must never be dropped, with audit=true. Package tracecontext, below this one, brings the
// trace of a request into its ctx.
//
// # Cost
//
// logrus spends most of its time on maps of fields. Here they go around them: the line is made from typed fields without a
// map, and travels through logrus in the ctx of a pooled entry, by public API alone. Ordinary logrus entries on the same
// core come out in the same form. Where hooks are registered for a level, the entry's Data is filled for them.
//
// # Lifting it out
//
// Copy the folder and that of the package errors, for correlation ids and [Logger.Exception]. It imports logrus, echo/v4 and
// go.opentelemetry.io/otel/trace, and for its tests testify and goleak.
package logging
