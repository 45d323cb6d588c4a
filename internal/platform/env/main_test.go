package env_test

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"testing"

	"go.uber.org/goleak"

	"github.com/netrun-systems/go-service-template/internal/platform/env"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

func TestMain(m *testing.M) {
	discardLog()
	goleak.VerifyTestMain(m)
}

func discardLog() {
	core, err := logging.NewCore(logging.Options{Output: io.Discard})
	if err != nil {
		panic(err)
	}
	logging.SetDefault(core)
}

// found returns "line VARIABLE rule severity" for each finding.
func found(r env.Result) []string {
	list := []string{}
	for _, f := range r.Findings {
		line := "-"
		if f.Line > 0 {
			line = strconv.Itoa(f.Line)
		}
		list = append(list, line+" "+f.Variable+" "+f.Rule+" "+string(f.Severity))
	}
	return list
}

func validate(t *testing.T, v env.Validator, text string) env.Result {
	t.Helper()
	return v.Validate(t.Context(), env.Parse("test.env", []byte(text)))
}

func Example() {
	schema, err := env.ParseSchema([]byte(`{"version": "1.0", "variables": {
		"PORT":    {"type": "integer", "min": 1, "max": 65535, "required": true},
		"API_KEY": {"type": "secret", "min_length": 32}
	}}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	file := env.Parse(".env", []byte("PORT=http\nAPI_KEY=changeme\nPROT=80\n"))
	result := env.Validator{Level: env.Staging, Schema: schema}.Validate(context.Background(), file)
	for _, finding := range result.Findings {
		fmt.Println(finding)
	}
	// Output:
	// .env:1:1: error: PORT must be a whole number (type)
	// .env:2:1: error: API_KEY must have at least 32 characters (min_length)
	// .env:2:1: error: API_KEY must not be a placeholder (placeholder)
	// .env:3:1: warning: PROT is not in the schema: did you mean PORT? (unknown)
}
