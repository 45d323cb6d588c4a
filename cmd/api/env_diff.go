package main

import (
	"github.com/spf13/cobra"

	"github.com/netrun-systems/go-service-template/internal/platform/env"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// comparison is what the flags of env diff say.
type comparison struct {
	file1, file2      string
	unmasked, failsOn bool
	as                format
}

// errDiffers ends a command whose result says already what differs.
var errDiffers = quietError{errors.Sentinel("the files differ")}

func (p *program) envDiffCommand() *cobra.Command {
	var c comparison
	cmd := &cobra.Command{
		Use:   "diff --env1 FILE --env2 FILE",
		Short: "Show what a second dotenv file lacks, adds and changes, with secrets masked",
		Args:  noArgs,
		RunE:  func(*cobra.Command, []string) error { return p.diffEnv(c) },
	}
	cmd.Flags().StringVar(&c.file1, "env1", "", "the first dotenv file")
	cmd.Flags().StringVar(&c.file2, "env2", "", "the second dotenv file, the target")
	cmd.Flags().BoolVar(&c.unmasked, "no-mask", false, "show secrets")
	cmd.Flags().BoolVar(&c.failsOn, "fail-on-diff", false, "exit with 1 where the files differ")
	c.as.flag(cmd)
	return cmd
}

func (p *program) diffEnv(c comparison) error {
	first, err := readWhole("--env1", c.file1)
	if err != nil {
		return err
	}
	second, err := readWhole("--env2", c.file2)
	if err != nil {
		return err
	}
	d := env.Compare(first, second, c.unmasked)
	if c.as == formatJSON {
		err = p.printJSON(d)
	} else {
		err = d.WriteText(p.stdout)
	}
	if err == nil && c.failsOn && !d.Empty() {
		return errDiffers
	}
	return err
}
