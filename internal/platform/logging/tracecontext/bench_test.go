package tracecontext_test

import (
	"net/http"
	"testing"

	"github.com/netrun-systems/go-service-template/internal/platform/logging/tracecontext"
)

func BenchmarkParse(b *testing.B) {
	for name, h := range map[string]http.Header{
		"none": {}, "parent": {"Traceparent": {parent}}, "state": {"Traceparent": {parent}, "Tracestate": {"foo=1,bar=2"}},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = tracecontext.Parse(h)
			}
		})
	}
}
