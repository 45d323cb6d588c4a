package session

import (
	"context"
	"database/sql"
	"time"

	"github.com/netrun-systems/go-service-template/internal/app/members"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/server"
)

// Refresh exchanges a refresh token for the next tokens of its session, with the current roles of
// the member. A text that is not a token of a session is an AUTH_TOKEN_INVALID, a token of an
// expired session an AUTH_TOKEN_EXPIRED, and one of a revoked session an AUTH_TOKEN_REVOKED. So is
// a token that was used before, which revokes its session.
func (s *Service) Refresh(ctx context.Context, text string) (Tokens, error) {
	token, err := auth.ParseRefreshToken(text)
	if err != nil {
		return Tokens{}, refuse(ctx, invalid, token)
	}
	ctx = db.WithTenant(ctx, token.TenantID())
	r, err := db.InTenant(ctx, s.pool, func(ctx context.Context) (result, error) { return s.exchange(ctx, token) })
	if err != nil {
		return Tokens{}, err
	}
	if r.refusal != "" {
		return Tokens{}, refuse(ctx, r.refusal, token)
	}
	return s.tokens(r.principal, r.next, r.left)
}

// result is the successor of a token, or a refusal. A refusal is not an error in the transaction,
// because the revocation of a session after reuse has to be committed.
type result struct {
	principal auth.Principal
	next      auth.RefreshToken
	left      time.Duration // until the session expires
	refusal   refusal
}

func (s *Service) exchange(ctx context.Context, token auth.RefreshToken) (result, error) {
	row, why, err := s.find(ctx, token)
	if err != nil || why != "" {
		return result{refusal: why}, err
	}
	if !token.Matches(row.RefreshHash) {
		return s.used(ctx, row, token)
	}
	seed := auth.NewSeed()
	next := token.Successor(row.Family, seed)
	generation, err := s.store.rotate(ctx, token, next, seed, s.config.RefreshTokenTTL)
	if errors.Is(err, sql.ErrNoRows) { // another request has used the token or revoked the session, and committed
		if row, why, err = s.find(ctx, token); err != nil || why != "" {
			return result{refusal: why}, err
		}
		return s.used(ctx, row, token)
	}
	if err != nil {
		return result{}, err
	}
	row.Generation = generation
	granted, err := s.grant(ctx, row, next)
	if err != nil || granted.refusal != "" {
		return granted, err
	}
	return granted, s.record(ctx, "token_issued", "refresh", granted.principal)
}

// find returns the session of a token, or the reason why it cannot be refreshed. A forged token is
// invalid whatever the state of its session.
func (s *Service) find(ctx context.Context, token auth.RefreshToken) (sessionRow, refusal, error) {
	row, err := s.store.find(ctx, token.SessionID(), s.config.RefreshGrace)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		// The sessions of a removed member are deleted. Their revocations remain while there may be
		// access tokens.
		_, known, err := s.store.lookup(ctx, token.SessionID())
		if known {
			return row, revoked, err
		}
		return row, invalid, err
	case err != nil:
		return row, "", err
	case !token.Of(row.Family):
		return row, invalid, nil
	}
	return row, row.refusal(), nil
}

// used handles a token that has been exchanged. The last one gets the same successor again within
// the grace period, any other one revokes the session.
func (s *Service) used(ctx context.Context, row sessionRow, token auth.RefreshToken) (result, error) {
	if next := token.Successor(row.Family, row.Seed); row.InGrace && next.Matches(row.RefreshHash) {
		return s.grant(ctx, row, next) // already in the audit trail
	}
	n, err := s.revoke(ctx, row.UserID, string(reused), oneSession, row.UserID, row.ID)
	if err != nil || n == 0 { // a concurrent request has revoked it
		return result{refusal: revoked}, err
	}
	return result{refusal: reused}, s.record(ctx, "refresh_reuse_detected", string(reused), row.principal())
}

// grant reads the role in a statement after the one that locked the session: it sees a change of
// the role that was committed before, and a later one invalidates this generation (see
// [Service.Renew]).
func (s *Service) grant(ctx context.Context, row sessionRow, next auth.RefreshToken) (result, error) {
	role, err := s.members.Role(ctx, row.UserID, members.Unlocked)
	if errors.Is(err, sql.ErrNoRows) {
		return result{refusal: revoked}, nil
	}
	if err != nil {
		return result{}, err
	}
	return result{principal: row.principal(role), next: next, left: time.Duration(row.Left * float64(time.Second))}, nil
}

// refuse logs why a refresh token was refused and returns the error for the client. It adds no row
// to the audit trail, because anybody could fill the table.
func refuse(ctx context.Context, why refusal, token auth.RefreshToken) error {
	fields := []logging.Field{
		logging.String("reason", string(why)), logging.String("remote_ip", server.ClientFrom(ctx).RemoteIP),
	}
	if why != invalid {
		fields = append(fields, logging.String("session_id", token.SessionID().String()))
	}
	log.AuditWarn(ctx, "token_rejected", fields...)
	switch why {
	case invalid:
		return errors.New(errors.CodeTokenInvalid, "The refresh token is not valid")
	case expired:
		return errors.New(errors.CodeTokenExpired, "The session has expired")
	default:
		return errors.New(errors.CodeTokenRevoked, "The session has ended")
	}
}
