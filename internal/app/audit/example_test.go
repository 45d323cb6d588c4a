package audit_test

import (
	"context"
	"fmt"

	"github.com/netrun-systems/go-service-template/internal/app/audit"
)

// toConsole is a sink; one that sends entries to a collector of security events is made the same way.
type toConsole struct{}

func (toConsole) Send(_ context.Context, e audit.Entry) {
	fmt.Println(e.Event, e.Outcome, e.TargetType, e.TargetID)
}

func ExampleSink() {
	var sink audit.Sink = toConsole{} // audit.NewRecorder(pool, sink)
	sink.Send(context.Background(), audit.Entry{Event: "member_added", Outcome: audit.Success, TargetType: "user", TargetID: "42"})
	// Output: member_added success user 42
}
