package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/netrun-systems/go-service-template/internal/app"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
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
		Long: "Note that an account is that of its email's owner, because they have shown it to you. From then on other tenants can\n" +
			"add the account as a member; before, they could let in somebody who has taken the email first.",
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
	log.Audit(ctx, "account_verified", logging.String("user_id", id.String()), logging.String("reason", "command_line"))
	_, err = fmt.Fprintln(p.stdout, id)
	return err
}
