package tracecontext_test

import (
	"fmt"
	"net/http"

	"github.com/netrun-systems/go-service-template/internal/platform/logging/tracecontext"
)

func ExampleParse() {
	h := http.Header{}
	h.Set("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	span, ok := tracecontext.Parse(h)
	fmt.Println(ok, span.TraceID(), span.IsSampled())
	// Output: true 4bf92f3577b34da6a3ce929d0e0e4736 true
}
