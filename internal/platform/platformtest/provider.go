package platformtest

import (
	"context"
	"fmt"
	"strings"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// provider is one way to a server.
type provider struct {
	name  string // what TEST_POSTGRES_PROVIDER calls it
	start func(ctx context.Context) (*running, error)
}

func providers(getenv func(string) string) []provider {
	return []provider{
		{"container", func(ctx context.Context) (*running, error) { return startContainer(ctx, getenv("TEST_POSTGRES_IMAGE")) }},
		{"binaries", startBinaries},
		{"download", startDownload},
	}
}

// choose takes the first provider that works, or the one that the environment demands.
func (h *host) choose(ctx context.Context) (*running, error) {
	external, forced := h.getenv("TEST_DATABASE_URL"), h.getenv("TEST_POSTGRES_PROVIDER")
	switch {
	case external != "" && forced != "":
		return nil, errors.Sentinel("TEST_DATABASE_URL and TEST_POSTGRES_PROVIDER are both set: unset one of them")
	case external != "":
		return startExternal(external), nil
	}
	return h.launch(ctx, forced)
}

// launch starts a server by the first provider that works, or by the forced one.
func (h *host) launch(ctx context.Context, forced string) (*running, error) {
	var failed error
	names := make([]string, 0, len(h.providers))
	for _, p := range h.providers {
		names = append(names, p.name)
		if forced != "" && forced != p.name {
			continue
		}
		r, err := p.start(ctx)
		if err == nil {
			return r, nil
		}
		failed = errors.Join(failed, fmt.Errorf("%s: %w", p.name, err))
	}
	if failed == nil {
		return nil, fmt.Errorf("TEST_POSTGRES_PROVIDER is not one of %s", strings.Join(names, ", "))
	}
	return nil, failed
}

// startExternal uses a server that somebody else runs, so there is nothing to stop.
func startExternal(dsn string) *running {
	return &running{
		dsn:    dsn,
		origin: "from TEST_DATABASE_URL",
		stop:   func(context.Context) error { return nil },
		keep:   func() string { return "the kept databases are on the server of TEST_DATABASE_URL" },
	}
}
