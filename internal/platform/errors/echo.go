package errors

import (
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"
)

// fromEcho returns the [Error] for what Echo and its binder return, nil for anything else. What the binder could not read
// is a VALIDATION_ERROR that names the field. Errors of encoding/json count only where the binder has them: one of the
// service's own is nothing that a client has done.
func fromEcho(err error) *Error {
	if b, ok := AsType[*echo.BindingError](err); ok && b != nil {
		return invalid(err, b.Field, "type", "has the wrong type or form")
	}
	h, ok := AsType[*echo.HTTPError](err)
	if !ok || h == nil {
		return nil
	}
	if h.Code != http.StatusBadRequest {
		return adopt(err, codeOf(h.Code))
	}
	if wrong, ok := AsType[*json.UnmarshalTypeError](err); ok {
		if wrong.Field == "" {
			return invalid(err, wholeBody, "type", "must be a JSON object")
		}
		return invalid(err, wrong.Field, "type", "has the wrong type")
	}
	if _, ok := AsType[*json.SyntaxError](err); ok || Is(err, io.ErrUnexpectedEOF) {
		return invalid(err, wholeBody, "syntax", "must be well-formed JSON")
	}
	if _, ok := AsType[*xml.SyntaxError](err); ok {
		return invalid(err, wholeBody, "syntax", "must be well-formed XML")
	}
	if _, ok := AsType[*strconv.NumError](err); ok { // of a query or form, where Echo does not say which field
		return adopt(&refused{"a value that is not a number", err}, CodeValidation)
	}
	return adopt(err, codeOf(h.Code))
}

const wholeBody = "body"

func invalid(cause error, field, rule, message string) *Error {
	e := adopt(&refused{field + ", which " + message, cause}, CodeValidation)
	e.Details = map[string]any{"fields": []FieldError{{Field: field, Rule: rule, Message: message}}}
	return e
}

// refused keeps the value out of the log as well: the texts of encoding/json and strconv quote it.
type refused struct {
	what  string
	cause error
}

func (r *refused) Error() string { return "the binder refuses " + r.what }
func (r *refused) Unwrap() error { return r.cause }
