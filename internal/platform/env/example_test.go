package env_test

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/netrun-systems/go-service-template/internal/platform/env"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

func Example() {
	schema, err := env.ReadSchema(strings.NewReader(`{"version": "1.0", "variables": {
		"PORT":    {"type": "integer", "min": 1, "max": 65535, "required": true},
		"API_KEY": {"type": "secret", "min_length": 32}
	}}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	core, err := logging.NewCore(logging.Options{Output: io.Discard})
	if err != nil {
		fmt.Println(err)
		return
	}
	file := env.Parse(".env", []byte("PORT=http\nAPI_KEY=changeme\nPROT=80\n"))
	result := env.Validator{Level: env.Staging, Schema: schema, Log: logging.New(core, "env")}.Validate(context.Background(), file)
	for _, finding := range result.Findings {
		fmt.Println(finding)
	}
	// Output:
	// .env:1:1: error: PORT must be a whole number (type)
	// .env:2:1: error: API_KEY must have at least 32 characters (min_length)
	// .env:2:1: error: API_KEY must not be a placeholder (placeholder)
	// .env:3:1: warning: PROT is not in the schema: did you mean PORT? (unknown)
}
