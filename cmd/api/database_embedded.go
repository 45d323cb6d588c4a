//go:build !production

package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/netrun-systems/go-service-template/internal/platform/db/embedded"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// startDatabase starts a PostgreSQL of this service's own, with its data kept below .data. The build for production,
// -tags production, does not contain it.
func startDatabase(ctx context.Context) (dsn string, stop func(context.Context) error, err error) {
	s, err := embedded.Start(ctx, embedded.Options{Dir: filepath.Join(dataDir, "postgres"), Log: log})
	if errors.Is(err, embedded.ErrInUse) {
		return "", nil, fmt.Errorf("%w: end that one first, or name a database in DATABASE_URL", err)
	}
	if err != nil {
		return "", nil, err
	}
	return s.DSN("postgres"), s.Stop, nil
}
