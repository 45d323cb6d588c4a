//go:build production

package main

import (
	"context"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
)

// startDatabase fails: a production build has no embedded database.
func startDatabase(context.Context) (dsn string, stop func(context.Context) error, err error) {
	return "", nil, &config.Error{Problems: []config.Problem{
		{Variable: "DATABASE_URL", Rule: "required", Message: "is required: a production build has no embedded database"},
	}}
}
