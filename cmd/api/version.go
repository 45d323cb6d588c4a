package main

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/migrations"
)

// version is set when the binary is linked: -ldflags "-X main.version=1.2.3".
var version string

// info says what this binary was built from.
type info struct {
	Version, Revision, Time, Go string
	Modified                    bool
}

// build returns what the linker and the Go tool have left in the binary.
func build() info {
	b := info{Version: version, Revision: "unknown"}
	if read, ok := debug.ReadBuildInfo(); ok {
		b.Go = read.GoVersion
		if b.Version == "" {
			b.Version = read.Main.Version
		}
		for _, s := range read.Settings {
			switch s.Key {
			case "vcs.revision":
				b.Revision = s.Value
			case "vcs.time":
				b.Time = s.Value
			case "vcs.modified":
				b.Modified = s.Value == "true"
			}
		}
	}
	if b.Version == "" {
		b.Version = "(devel)"
	}
	return b
}

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the versions of the build and of the schema it needs",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			schema, err := db.Latest(migrations.Files)
			if err != nil {
				return err
			}
			b := build()
			_, err = fmt.Fprintf(p.stdout, "version  %s\nrevision %s %s\nmodified %t\nschema   %d\ngo       %s\n",
				b.Version, b.Revision, b.Time, b.Modified, schema, b.Go)
			return err
		},
	}
}
