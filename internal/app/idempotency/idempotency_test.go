package idempotency_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netrun-systems/go-service-template/internal/app/idempotency"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

func TestParseKey(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"x", "8e03978e-40d5-43e8-bc93-6894a57f9324", `"quoted, with spaces"`, strings.Repeat("x", idempotency.MaxKey)} {
		assert.NoError(t, idempotency.ParseKey(good), good)
	}
	for name, bad := range map[string]string{
		"empty": "", "long": strings.Repeat("x", idempotency.MaxKey+1), "NUL": "a\x00", "newline": "a\n", "not ASCII": "é", "DEL": "\x7f",
	} {
		assert.True(t, errors.HasCode(idempotency.ParseKey(bad), errors.CodeValidation), name)
	}
}
