package db_test

import (
	"fmt"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
)

func ExampleRedact() {
	fmt.Println(db.Redact("postgres://api:hunter2@db.internal:6432/notes?sslmode=verify-full"))
	fmt.Println(db.Redact("host=db.internal user=api password='hunter 2' dbname=notes"))
	// Output:
	// postgres://api@db.internal:6432/notes
	// postgres://api@db.internal:5432/notes
}
