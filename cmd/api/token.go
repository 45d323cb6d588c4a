package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/netrun-systems/go-service-template/internal/app"
	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// How long a token that was asked for on the command line may live.
const (
	minIssuedTTL = time.Minute
	maxIssuedTTL = 24 * time.Hour
)

var errProductionTokens = usageError{errors.Sentinel("token issue is refused in production: users get their tokens by logging in")}

// tokenRequest is what the flags of token issue say.
type tokenRequest struct {
	user, tenant string
	roles        []string
	ttl          time.Duration // zero for that of the configuration
}

func (p *program) tokenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Make access tokens for development",
		Args:  noArgs,
		RunE:  needsSubcommand,
	}
	var r tokenRequest
	issue := &cobra.Command{
		Use:   "issue --user ID --tenant ID",
		Short: "Print an access token, signed with the key that serve uses; refused in production",
		Long: "Print an access token and nothing else, signed with the key that serve uses. It belongs to no session, so it cannot\n" +
			"be revoked, only outlived. Refused in production.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.issueToken(cmd.Context(), r) },
	}
	issue.Flags().StringVar(&r.user, "user", "", "the user's id, a UUID")
	issue.Flags().StringVar(&r.tenant, "tenant", "", "the tenant's id, a UUID")
	issue.Flags().StringArrayVar(&r.roles, "role", []string{string(access.RoleMember)}, "a role in the tenant; may be given several times")
	issue.Flags().DurationVar(&r.ttl, "ttl", 0, "life of the token, 1m to 24h (default AUTH_ACCESS_TOKEN_TTL)")
	cmd.AddCommand(issue)
	return cmd
}

// principal checks the flags, all before anything else is tried.
func (r tokenRequest) principal() (auth.Principal, error) {
	who := auth.Principal{}
	for _, one := range []struct {
		flag, text string
		to         *uuid.UUID
	}{{"--user", r.user, &who.UserID}, {"--tenant", r.tenant, &who.TenantID}} {
		id, err := uuid.Parse(one.text)
		if err != nil || id == uuid.Nil {
			return who, usageError{fmt.Errorf("%s must be a UUID", one.flag)}
		}
		*one.to = id
	}
	for _, name := range r.roles {
		if role := auth.Role(name); !access.Policy.Valid(role) {
			return who, usageError{fmt.Errorf("--role must be one of %s", roleList())}
		} else if !slices.Contains(who.Roles, role) {
			who.Roles = append(who.Roles, role)
		}
	}
	if r.ttl != 0 && (r.ttl < minIssuedTTL || r.ttl > maxIssuedTTL) {
		return who, usageError{fmt.Errorf("--ttl must be in %s..%s", minIssuedTTL, maxIssuedTTL)}
	}
	return who, nil
}

func roleList() string {
	var names []string
	for _, role := range access.Policy.Roles() {
		names = append(names, string(role))
	}
	return strings.Join(names, ", ")
}

func (p *program) issueToken(ctx context.Context, r tokenRequest) error {
	who, err := r.principal()
	if err != nil {
		return err
	}
	// Asked twice, so that a configuration with faults besides does not hide the reason.
	if name, _ := p.lookup("APP_ENVIRONMENT"); strings.EqualFold(strings.TrimSpace(name), string(config.Production)) {
		return errProductionTokens
	}
	cfg, err := p.load(ctx, p.stderr)
	if err != nil {
		return err
	}
	if cfg.Environment == config.Production {
		return errProductionTokens
	}
	if err := provideSigningKey(ctx, cfg); err != nil {
		return err
	}
	token, err := sign(cfg, who, r.ttl)
	if err != nil {
		return err
	}
	log.Audit(ctx, "token_issued", logging.String("user_id", who.UserID.String()), logging.String("tenant_id", who.TenantID.String()),
		logging.String("reason", "command_line"))
	_, err = fmt.Fprintln(p.stdout, token)
	return err
}

func sign(cfg *app.Config, who auth.Principal, ttl time.Duration) (string, error) {
	keys, err := cfg.Auth.KeySet()
	if err != nil {
		return "", err
	}
	if ttl == 0 {
		ttl = cfg.Auth.AccessTokenTTL
	}
	issuer, err := auth.NewIssuer(auth.NewKeyring(keys), auth.IssuerOptions{
		Issuer: cfg.Auth.Issuer, Audience: cfg.Auth.Audience, Policy: access.Policy, TTL: ttl,
	})
	if err != nil {
		return "", err
	}
	token, _, err := issuer.Issue(who)
	return token, err
}
