package request_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/server/request"
)

func TestIncludeTakesTheFieldsOfOtherChecks(t *testing.T) {
	t.Parallel()
	var check request.Check
	check.Include(nil)
	check.Include(errors.New(errors.CodeConflict, ""))
	check.Include(errors.New(errors.CodeValidation, "without fields"))
	assert.NoError(t, check.Err())

	check.Add("name", "required", "must not be blank")
	check.Include(errors.Invalid("password", "min_length", "must have at least 12 characters"))
	assert.Equal(t, []errors.FieldError{
		{Field: "name", Rule: "required", Message: "must not be blank"},
		{Field: "password", Rule: "min_length", Message: "must have at least 12 characters"},
	}, errors.From(check.Err()).Details["fields"])
}
