package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/server"
)

const healthcheckTimeout = 3 * time.Second

func (p *program) healthcheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "healthcheck",
		Short: "Exit with 0 when the instance on this machine is ready, for containers without a shell",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return p.healthcheck(cmd.Context()) },
	}
}

// healthcheck reads no more of the configuration than the address: secrets may be in a vault, which is not to be asked every
// few seconds, and a service that has its own from there would never be healthy if they were missed here.
func (p *program) healthcheck(ctx context.Context) error {
	cfg, _, err := config.Load[server.Config](ctx, config.Options{Lookup: p.lookup})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, healthcheckTimeout)
	defer cancel()
	url := "http://" + local(cfg.Addr) + "/readyz"
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("ask %s: %w", url, err)
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r) // no proxy, no redirects
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %d", url, response.StatusCode)
	}
	return nil
}

// local is the address at which a listener on addr is reached from the same machine.
func local(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
