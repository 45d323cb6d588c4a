//go:build !production

package main

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/netrun-systems/go-service-template/internal/platform/db/embedded"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// startDatabase starts an embedded PostgreSQL with its data below .data. A build with -tags
// production does not contain it.
func startDatabase(ctx context.Context) (dsn string, stop func(context.Context) error, err error) {
	s, err := embedded.Start(ctx, embedded.Options{Dir: filepath.Join(dataDir(), "postgres"), Log: log})
	if errors.Is(err, embedded.ErrInUse) {
		return "", nil, fmt.Errorf("%w (stop the other instance, or set DATABASE_URL)", err)
	}
	if errors.Is(err, fs.ErrPermission) {
		return "", nil, fmt.Errorf("%w: it belongs to another user (run as that user, delete %s, or set DATABASE_URL)",
			err, dataDir())
	}
	if err != nil {
		return "", nil, err
	}
	return s.DSN("postgres"), s.Stop, nil
}
