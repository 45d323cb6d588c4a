package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/netrun-systems/go-service-template/internal/app"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

func (p *program) userCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "user",
		Short: "Look after the accounts of users",
		Args:  noArgs,
		RunE:  needsSubcommand,
	}
	var email string
	verify := &cobra.Command{
		Use:   "verify --email ADDRESS",
		Short: "Note that an account is that of its email's owner",
		Long: "Note that an account is that of its email's owner. From then on other tenants can add it as a member; before, they could\n" +
			"let in somebody who took the email first. So be sure that whoever logs in with this account owns the email, for example\n" +
			"by a code that you mail there and they give back while they are logged in.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.verifyUser(cmd.Context(), email) },
	}
	verify.Flags().StringVar(&email, "email", "", "the email of the account")
	cmd.AddCommand(verify)
	return cmd
}

func (p *program) verifyUser(ctx context.Context, email string) (err error) {
	if email == "" {
		return usageError{errors.Sentinel("--email is required")}
	}
	cfg, err := p.load(ctx, p.stderr)
	if err != nil {
		return err
	}
	stop, err := provideDatabase(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop(context.WithoutCancel(ctx))) }()
	id, err := app.VerifyAccount(ctx, cfg, email)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.stdout, id)
	return err
}
