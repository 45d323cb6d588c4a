// Package tracecontext reads and writes the headers of W3C Trace Context (https://www.w3.org/TR/trace-context/), as strictly
// as the recommendation says: what is not exactly right is not taken for the trace of somebody else.
//
//	e.Use(errors.CorrelationMiddleware(tracecontext.CorrelationID), tracecontext.Middleware())
//
// puts the span of the caller into the ctx of a request, from where package logging takes trace_id and span_id, and makes
// the id of the trace the correlation id of a request that brings none. Spans of the service's own, once there is a tracer,
// take the place of the caller's in the ctx. [Inject] hands the trace on to the services that this one calls.
//
// Level 1 is read and written, with the random-trace-id flag of level 2. The keys of a tracestate are those of level 1.
//
// # Lifting it out
//
// Copy the folder. It imports echo/v4 and go.opentelemetry.io/otel/trace, and for its tests testify and goleak.
package tracecontext
