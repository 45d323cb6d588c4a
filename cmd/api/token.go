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
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// tokenRequest is the flags of token issue.
type tokenRequest struct {
	user, tenant string
	roles        []string
	ttl          time.Duration // zero for AUTH_ACCESS_TOKEN_TTL
}

func (p *program) tokenCommand() *cobra.Command {
	var r tokenRequest
	issue := command("issue --user ID --tenant ID", "Print an access token; refused in production",
		func(ctx context.Context) error { return p.issueToken(ctx, r) })
	issue.Long = "Print an access token signed with the key of serve. It has no session and cannot be revoked: it is\n" +
		"valid until it expires. The command is refused in production."
	issue.Flags().StringVar(&r.user, "user", "", "`ID` of the user, a UUID")
	issue.Flags().StringVar(&r.tenant, "tenant", "", "`ID` of the tenant, a UUID")
	member := []string{string(access.RoleMember)}
	issue.Flags().StringArrayVar(&r.roles, "role", member, "`ROLE` in the tenant; may be repeated")
	issue.Flags().DurationVar(&r.ttl, "ttl", 0, "lifetime of the token, 1m to 24h (default AUTH_ACCESS_TOKEN_TTL)")
	return group("token", "Issue access tokens for development", issue)
}

// principal validates the flags.
func (r tokenRequest) principal() (who auth.Principal, err error) {
	if who.UserID, err = uuid.Parse(r.user); err != nil || who.UserID == uuid.Nil {
		return who, usage("--user must be a UUID")
	}
	if who.TenantID, err = uuid.Parse(r.tenant); err != nil || who.TenantID == uuid.Nil {
		return who, usage("--tenant must be a UUID")
	}
	for _, name := range r.roles {
		role := auth.Role(name)
		if !access.Policy.Valid(role) {
			return who, usage("--role must be one of %v", access.Policy.Roles())
		}
		if !slices.Contains(who.Roles, role) {
			who.Roles = append(who.Roles, role)
		}
	}
	const shortest, longest = time.Minute, 24 * time.Hour
	if r.ttl != 0 && (r.ttl < shortest || r.ttl > longest) {
		return who, usage("--ttl must be between 1m and 24h")
	}
	return who, nil
}

func (p *program) issueToken(ctx context.Context, r tokenRequest) error {
	who, err := r.principal()
	if err != nil {
		return err
	}
	refused := usage("token issue is refused in production: users get tokens by logging in")
	// Checked before the configuration is loaded too: its errors would hide this reason.
	if name, _ := p.lookup("APP_ENVIRONMENT"); strings.EqualFold(strings.TrimSpace(name), string(config.Production)) {
		return refused
	}
	cfg, err := p.load(ctx, p.stderr)
	if err != nil {
		return err
	}
	if cfg.Environment == config.Production {
		return refused
	}
	if err := provideSigningKey(ctx, cfg); err != nil {
		return err
	}
	token, err := sign(cfg, who, r.ttl)
	if err != nil {
		return err
	}
	log.Audit(ctx, "token_issued", logging.String("user_id", who.UserID.String()),
		logging.String("tenant_id", who.TenantID.String()), logging.String("reason", "command_line"))
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
	token, _, err := issuer.IssueUntil(who, time.Time{})
	return token, err
}
