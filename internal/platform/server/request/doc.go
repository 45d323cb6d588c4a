// Package request reads what a client sent, strictly: a body is one JSON value with the fields that were asked for and
// no other, a parameter comes once and in its one form. What is refused is a [errors.CodeValidation] that names the field
// and the rule, and never the value.
//
//	var in struct {
//		Title string   `json:"title"`
//		Tags  []string `json:"tags"`
//	}
//	if err := request.JSON(c, &in); err != nil {
//		return err
//	}
//	var check request.Check
//	check.Text("title", in.Title, 1, 200)
//	if err := check.Err(); err != nil {
//		return err
//	}
//
// Echo's Bind is not used: it mixes path, query and body, ignores fields it does not know, and matches names in any case.
//
// # Lifting it out
//
// Copy the folder and the package errors. It imports echo/v4, google/uuid and go-json-experiment/json.
package request
