package request

import "github.com/netrun-systems/go-service-template/internal/platform/errors"

// Include adds the fields of a VALIDATION_ERROR that something else has returned. Nil adds nothing; any other error is the
// caller's to handle and is not taken.
func (v *Check) Include(err error) {
	e, ok := errors.AsType[*errors.Error](err)
	if !ok {
		return
	}
	if fields, ok := e.Details["fields"].([]errors.FieldError); ok {
		v.fields = append(v.fields, fields...)
	}
}

// IncludeAs is [Check.Include] for what was said of a field that has another name in the request.
func (v *Check) IncludeAs(field string, err error) {
	before := len(v.fields)
	v.Include(err)
	for i := range v.fields[before:] {
		v.fields[before+i].Field = field
	}
}
