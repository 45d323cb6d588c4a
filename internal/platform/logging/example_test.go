package logging_test

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// withoutTime leaves the time out of a line, so that the example has one output.
type withoutTime struct{}

func (withoutTime) Write(p []byte) (int, error) {
	_, rest, _ := strings.Cut(string(p), ",")
	_, err := os.Stdout.WriteString("{" + rest)
	return len(p), err
}

func Example() {
	core, err := logging.NewCore(logging.Options{App: "api", Environment: "testing", Output: withoutTime{}})
	if err != nil {
		fmt.Println(err)
		return
	}
	log := logging.New(core, "notes") // logging.For() finds the name by itself and writes to the default core

	ctx := errors.WithCorrelationID(context.Background(), "r-1")
	ctx = logging.Bind(ctx, logging.Int("n", 1))
	log.Info(ctx, "created", logging.String("api_key", "sk-123"))
	// Output:
	// {"level":"info","event":"created","logger":"notes","app":"api","environment":"testing","correlation_id":"r-1","n":1,"api_key":"[REDACTED]"}
}

func ExampleRedact() {
	fmt.Println(logging.Redact("dial postgres://app:hunter2@db:5432/app: connection refused"))
	// Output: dial postgres://app:[REDACTED]@db:5432/app: connection refused
}
