// Package logging writes events as JSON, one object a line, on top of logrus. It redacts secrets,
// adds the correlation id of the request to every line, and neither loses a line nor ends the
// process because of what a field holds.
//
//	var log = logging.For() // the name of the package, once
//
//	ctx = logging.Bind(ctx, logging.String("tenant_id", tenant)) // in every later line with this ctx
//	log.Info(ctx, "note_created", logging.String("note_id", id))
//	defer log.Operation(&ctx, "summarize")(&err)
//
// At start, main makes a [Core] with [NewCore] and passes it to [SetDefault].
//
// # Lines
//
// A line has time, level, event, logger, app and environment, then the correlation id, the trace_id
// and span_id of the ctx's OpenTelemetry span, the bound fields and the fields of the call, in this
// order. Of several fields with one key the last is written. A field with the key of one of the
// line's own members gets the prefix "fields.".
//
// A field holds any value. Errors are written as their text, durations in milliseconds, times in
// RFC 3339 in UTC, byte slices as text if they are UTF-8, otherwise in base64. Other types are
// written by MarshalJSON, MarshalText or String, in this order, otherwise by their elements,
// structs under their JSON names. A value that has no JSON, fails or panics becomes a string that
// begins with !ERROR. Lines are cut at [Options].LineLimit, strings at a quarter of it, nesting at
// 10 levels; a note gives the original size. Line breaks and control characters are escaped.
//
// # Redaction
//
// The value of a sensitive name is [REDACTED], at any depth. Names match by word: apiKey,
// db_password and Set-Cookie are sensitive; tokens_used, token_type and author are not. All strings
// go through [Redact]. Private keys, cookie values and URL passwords are redacted under any name.
// [Secret] is a string that is never printed.
//
// # Output
//
// Lines go to one writer, whole and one at a time. If it fails, callers do not notice:
// log_write_failed on standard error reports the first error, and log_lines_lost the number of lost
// lines when the writer works again. A closed standard output does not end the process by SIGPIPE.
// A file whose reader stops, such as a pipe, holds up the callers for a second; after that a
// bounded number of lines waits for it, and log_lines_lost counts further ones. [Options].Sample
// limits repeated events, and dropped_count or log_lines_dropped gives the number of dropped lines.
//
// # Lifting it out
//
// Copy this folder and internal/platform/errors. It imports logrus, golang.org/x/sys/unix and
// go.opentelemetry.io/otel/trace; its tests import testify and goleak.
package logging
