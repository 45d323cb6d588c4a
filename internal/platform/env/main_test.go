package env_test

import (
	"strconv"
	"testing"

	"go.uber.org/goleak"

	"github.com/netrun-systems/go-service-template/internal/platform/env"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// found returns "line VARIABLE rule severity" for each finding.
func found(r env.Result) []string {
	list := []string{}
	for _, f := range r.Findings {
		list = append(list, lineOf(f)+" "+f.Variable+" "+f.Rule+" "+string(f.Severity))
	}
	return list
}

func lineOf(f env.Finding) string {
	if f.Line == 0 {
		return "-"
	}
	return strconv.Itoa(f.Line)
}

func validate(t *testing.T, v env.Validator, text string) env.Result {
	t.Helper()
	return v.Validate(t.Context(), env.Parse("test.env", []byte(text)))
}
