package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/netrun-systems/go-service-template/internal/app"
)

func (p *program) routesCommand() *cobra.Command {
	var as format
	cmd := &cobra.Command{
		Use:   "routes",
		Short: "List the routes of the API with the permission that each needs",
		Args:  noArgs,
		RunE:  func(*cobra.Command, []string) error { return p.printRoutes(as) },
	}
	as.flag(cmd)
	return cmd
}

func (p *program) printRoutes(as format) error {
	if as == formatJSON {
		return p.printJSON(app.Routes())
	}
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "METHOD\tPATH\tPERMISSION")
	for _, r := range app.Routes() {
		permission := string(r.Permission)
		if r.Self {
			permission += " or self"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", r.Method, r.Path, permission)
	}
	return w.Flush()
}
