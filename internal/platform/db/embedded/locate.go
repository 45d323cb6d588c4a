package embedded

import (
	"context"
	"fmt"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// locate returns the binaries to start. Major is the version of the data that is there, or zero.
func (o Options) locate(ctx context.Context, major int) (Binaries, error) {
	if o.Binaries != nil {
		return o.Binaries(ctx)
	}
	found := inspectAll(ctx, candidates(ctx))
	for _, b := range found {
		if major == 0 || b.Major() == major {
			return b, nil
		}
	}
	if major != 0 && o.Download.Version == "" {
		o.Download.Version = versions[major]
	}
	o.Log.Info(ctx, "embedded_postgres_downloading", logging.String("version", o.Download.version()))
	b, err := Download(ctx, o.Download)
	switch {
	case err == nil:
		return b, nil
	case len(found) > 0: // of another version than the data, which the caller explains
		return found[0], nil
	}
	return Binaries{}, errors.Join(
		fmt.Errorf("%w on this machine, and none could be downloaded: %w", ErrNoBinaries, err),
		fmt.Errorf("what helps: set DATABASE_URL, or install PostgreSQL %d or newer, or start one with Docker", oldest),
	)
}
