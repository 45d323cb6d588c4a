package errors_test

import (
	"database/sql"
	"fmt"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

func Example() {
	find := func(id int) error { // a store
		return errors.NotFoundOr(fmt.Errorf("select the note: %w", sql.ErrNoRows), "note", id)
	}

	err := fmt.Errorf("show the note: %w", find(7))
	fmt.Println(errors.HasCode(err, errors.CodeNotFound))

	e := errors.From(err) // at the boundary
	fmt.Println(e.Status(), e.Code, e.Details)
	// Output:
	// true
	// 404 RESOURCE_NOT_FOUND map[resource_id:7 resource_type:note]
}

func ExampleWrap() {
	err := errors.Wrap(sql.ErrConnDone, errors.CodeServiceUnavailable, "The store is being restarted")
	fmt.Println(err)                    // for the log
	fmt.Println(err.Code, err.Status()) // for the client
	// Output:
	// The store is being restarted: sql: connection is already closed
	// SERVICE_UNAVAILABLE 503
}

func ExampleIs() {
	err := fmt.Errorf("rename the note: %w", errors.Conflict("The title is taken"))
	fmt.Println(errors.Is(err, errors.CodeConflict), errors.Is(err, errors.CodeNotFound))
	// Output: true false
}
