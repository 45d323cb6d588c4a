package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/netrun-systems/go-service-template/internal/app"
	"github.com/netrun-systems/go-service-template/internal/app/identity"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

func (p *program) userCommand() *cobra.Command {
	verify := p.accountCommand("verify", "Mark an account as belonging to the owner of its email address",
		(*identity.Operator).Verify)
	verify.Long = "Mark an account as belonging to the owner of its email address, and print the user's id. Other\n" +
		"tenants can add verified accounts only: anybody can register somebody else's address. Before you\n" +
		"verify an account, make sure that its user receives mail at the address, for example with a code\n" +
		"that they enter while logged in."
	unlock := p.accountCommand("unlock", "End the lockout of an account after failed logins",
		(*identity.Operator).Unlock)
	unlock.Long = "End the lockout of an account after failed logins, and print the user's id. The lockout of a\n" +
		"client address ends by itself, AUTH_LOCKOUT after it began."
	remove := p.accountCommand("delete", "Delete an account; this cannot be undone", (*identity.Operator).Delete)
	remove.Long = "Delete an account, and print the user's id. Its memberships, sessions and API keys end, and its\n" +
		"email, name and password are erased. What its user made in a tenant, such as audit entries, stays and refers\n" +
		"to the id. The last owner of a tenant with other members is refused: make one of them an owner first."
	return group("user", "Manage user accounts; each command leaves an entry in the system's audit trail",
		p.userListCommand(), verify, unlock, p.setPasswordCommand(), remove)
}

// accountCommand returns a command that does something with the account of --email and prints its id.
func (p *program) accountCommand(
	name, short string, do func(*identity.Operator, context.Context, string) (uuid.UUID, error),
) *cobra.Command {
	var email string
	cmd := command(name+" --email ADDRESS", short, func(ctx context.Context) error {
		if err := checkEmail(email); err != nil {
			return err
		}
		return p.printID(ctx, func(o *identity.Operator) (uuid.UUID, error) { return do(o, ctx, email) })
	})
	cmd.Example = "  api user " + name + " --email ada@example.com"
	emailFlag(cmd, &email)
	return cmd
}

// printID prints the id of the account that do returns.
func (p *program) printID(ctx context.Context, do func(*identity.Operator) (uuid.UUID, error)) error {
	return p.withOperator(ctx, func(o *identity.Operator) error {
		id, err := do(o)
		if err == nil {
			_, err = fmt.Fprintln(p.stdout, id)
		}
		return err
	})
}

func emailFlag(cmd *cobra.Command, email *string) {
	cmd.Flags().StringVar(email, "email", "", "email `ADDRESS` of the account")
}

func checkEmail(email string) error {
	if err := identity.CheckEmail(email); err != nil {
		return usage("--email %s: name the account", problem(err))
	}
	return nil
}

// problem returns the message of a VALIDATION_ERROR about one value.
func problem(err error) string {
	list, _ := errors.From(err).Details["fields"].([]errors.FieldError)
	if len(list) == 0 {
		return err.Error()
	}
	return list[0].Message
}

func (p *program) withOperator(ctx context.Context, do func(*identity.Operator) error) error {
	database := func(c *app.AccountConfig) *app.DatabaseConfig { return &c.DatabaseConfig }
	return withDatabase(ctx, p, database, func(cfg *app.AccountConfig) error {
		return app.WithOperator(ctx, cfg, do)
	})
}

func (p *program) userListCommand() *cobra.Command {
	var (
		email, after string
		limit        int
		asJSON       bool
	)
	list := command("list", "List accounts, with their tenants and lockouts", func(ctx context.Context) error {
		if email != "" {
			if err := checkEmail(email); err != nil {
				return err
			}
		}
		const most = 1000
		if limit < 1 || limit > most {
			return usage("--limit must be in 1..%d", most)
		}
		return p.withOperator(ctx, func(o *identity.Operator) error {
			accounts, err := o.List(ctx, email, after, limit)
			if err != nil {
				return err
			}
			return p.print(asJSON, accounts, func(w io.Writer) { printAccounts(w, accounts) })
		})
	})
	list.Long = "List accounts in the order of their emails, with their tenants and lockouts. JSON output is a list of\n" +
		"{id, email, display_name, verified, created_at, locked_until, tenants: [{tenant_id, role}]}."
	list.Example = "  api user list\n  api user list --email ada@example.com --format json\n" +
		"  api user list --limit 1000 --after ada@example.com"
	emailFlag(list, &email)
	list.Flags().StringVar(&after, "after", "", "`EMAIL` of the last account on the page before")
	list.Flags().IntVar(&limit, "limit", 100, "the most accounts to list, 1..1000")
	formatFlag(list, &asJSON)
	return list
}

func printAccounts(w io.Writer, accounts []identity.AccountStatus) {
	fmt.Fprintln(w, "EMAIL\tID\tNAME\tVERIFIED\tCREATED\tLOCKED UNTIL\tTENANTS")
	for _, a := range accounts {
		locked, tenants := "-", make([]string, len(a.Tenants))
		if a.LockedUntil != nil {
			locked = a.LockedUntil.UTC().Format(time.RFC3339)
		}
		for i, m := range a.Tenants {
			tenants[i] = string(m.Role) + " of " + m.TenantID.String()
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%t\t%s\t%s\t%s\n", oneLine(a.Email), a.ID, oneLine(a.DisplayName), a.Verified,
			a.CreatedAt.UTC().Format(time.RFC3339), locked, strings.Join(tenants, ", "))
	}
}

func (p *program) setPasswordCommand() *cobra.Command {
	var email string
	cmd := command("set-password --email ADDRESS", "Replace the password of an account and end its sessions",
		func(ctx context.Context) error {
			if err := checkEmail(email); err != nil {
				return err
			}
			password, err := p.readPassword(ctx)
			if err != nil {
				return err
			}
			return p.printID(ctx, func(o *identity.Operator) (uuid.UUID, error) {
				id, err := o.SetPassword(ctx, email, password)
				if errors.HasCode(err, errors.CodeValidation) {
					err = usage("the password %s", problem(err))
				}
				return id, err
			})
		})
	cmd.Long = "Replace the password of an account, end all its sessions and a lockout, and print the user's id. API\n" +
		"keys stay valid. The password is asked for on a terminal, or is the only line of the standard input:\n" +
		"an argument would be visible to other users of the machine. It must be one that registration accepts."
	cmd.Example = "  api user set-password --email ada@example.com\n" +
		"  api user set-password --email ada@example.com < password.txt"
	emailFlag(cmd, &email)
	return cmd
}

// readPassword reads a new password: from a terminal twice and without echo, else one line.
func (p *program) readPassword(ctx context.Context) (logging.Secret, error) {
	if f, ok := p.stdin.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		first, err := p.prompt(ctx, f, "New password: ")
		if err != nil {
			return "", err
		}
		second, err := p.prompt(ctx, f, "Repeat it: ")
		if err == nil && first != second {
			err = usage("the passwords differ")
		}
		return first, err
	}
	const longest = 4096 // bytes; more than any valid password has
	text, err := io.ReadAll(io.LimitReader(p.stdin, longest+1))
	if err != nil {
		return "", fmt.Errorf("read the password from the standard input: %w", err)
	}
	text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
	switch {
	case len(text) == 0:
		return "", usage("the standard input has no password: write it there as one line")
	case len(text) > longest || bytes.ContainsAny(text, "\r\n"):
		return "", usage("the standard input has more than one line with a password")
	}
	return logging.Secret(text), nil
}

// prompt reads a line from a terminal without echo. The echo is back when ctx ends meanwhile, such as
// by Ctrl-C; the read goes on until the process exits.
func (p *program) prompt(ctx context.Context, terminal *os.File, text string) (logging.Secret, error) {
	fd := int(terminal.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", fmt.Errorf("read the state of the terminal: %w", err)
	}
	fmt.Fprint(p.stderr, text)
	defer fmt.Fprintln(p.stderr)
	type line struct {
		text []byte
		err  error
	}
	read := make(chan line, 1)
	go func() {
		text, err := term.ReadPassword(fd)
		read <- line{text, err}
	}()
	select {
	case l := <-read:
		if l.err != nil {
			return "", fmt.Errorf("read the password: %w", l.err)
		}
		return logging.Secret(l.text), nil
	case <-ctx.Done():
		return "", errors.Join(context.Cause(ctx), term.Restore(fd, before))
	}
}
