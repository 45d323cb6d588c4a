package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"github.com/netrun-systems/go-service-template/internal/app"
	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/server"
	"github.com/netrun-systems/go-service-template/migrations"
)

func (p *program) routesCommand() *cobra.Command {
	var asJSON bool
	cmd := command("routes", "List the routes of the API and the permission each needs", func(context.Context) error {
		return p.print(asJSON, app.Routes(), func(w io.Writer) {
			fmt.Fprintln(w, "METHOD\tPATH\tPERMISSION")
			for _, r := range app.Routes() {
				permission := string(r.Permission)
				if r.Self {
					permission += " or self"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\n", r.Method, r.Path, permission)
			}
		})
	})
	formatFlag(cmd, &asJSON)
	return cmd
}

// version is set by the linker: -ldflags "-X main.version=1.2.3".
var version string

// readVersion returns the version of this binary.
func readVersion() string { return cmp.Or(version, readBuild().Main.Version, "(devel)") }

// readBuild returns what Go has recorded about the build.
func readBuild() *debug.BuildInfo {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info
	}
	return new(debug.BuildInfo)
}

func (p *program) versionCommand() *cobra.Command {
	return command("version", "Print the version of the build and of the schema it needs", func(context.Context) error {
		b := readBuild()
		settings := map[string]string{}
		for _, s := range b.Settings {
			settings[s.Key] = s.Value
		}
		_, err := fmt.Fprintf(p.stdout, "version  %s\nrevision %s %s\nmodified %t\nschema   %d\ngo       %s\n",
			readVersion(), cmp.Or(settings["vcs.revision"], "unknown"), settings["vcs.time"],
			settings["vcs.modified"] == "true", migrations.Latest(), b.GoVersion)
		return err
	})
}

func (p *program) healthcheckCommand() *cobra.Command {
	return command("healthcheck", "Exit with 0 if the instance on this machine is ready", p.healthcheck)
}

// healthcheck loads the server settings only. Loading all would ask the key vault for the secrets
// every few seconds, or fail without them.
func (p *program) healthcheck(ctx context.Context) error {
	cfg, _, err := config.Load[server.Config](ctx, config.Options{Lookup: p.lookup})
	if err != nil {
		return err
	}
	const timeout = 3 * time.Second
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	url := "http://" + localAddress(cfg.Addr) + "/readyz"
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r) // no proxy, no redirects
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s returned status %d", url, response.StatusCode)
	}
	return nil
}

// localAddress returns the address at which a listener on addr is reached from the same machine.
func localAddress(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
