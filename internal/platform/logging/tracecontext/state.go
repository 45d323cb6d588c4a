package tracecontext

import (
	"strings"

	"go.opentelemetry.io/otel/trace"
)

// The limits of a tracestate: of list members, and of bytes, beyond which one need not be handed on.
const (
	maxMembers = 32
	maxState   = 512
)

// parseState reads the members of one list, which may be spread over several headers. It returns an empty state where
// anything is wrong with them.
func parseState(headers []string) trace.TraceState {
	var members []string
	size := 0
	for _, header := range headers {
		if size += len(header) + 1; size > maxState+1 {
			return trace.TraceState{}
		}
		for member := range strings.SplitSeq(header, ",") {
			if member = strings.Trim(member, " \t"); member == "" { // empty members are allowed, and mean nothing
				continue
			}
			members = append(members, member)
		}
	}
	if len(members) > maxMembers {
		return trace.TraceState{}
	}
	state, err := trace.ParseTraceState(strings.Join(members, ","))
	if err != nil {
		return trace.TraceState{}
	}
	return state
}
