package session

import (
	"context"
	"database/sql"
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// Refresh exchanges a refresh token for the next tokens of its session, with the roles that the member has now. A text that
// is no token of a session is AUTH_TOKEN_INVALID, one of a session that was not used in time AUTH_TOKEN_EXPIRED, and one of a
// session that has been ended AUTH_TOKEN_REVOKED. So is one that was spent before, which ends the session.
func (s *Service) Refresh(ctx context.Context, text string, from Client) (Tokens, error) {
	token, err := auth.ParseRefreshToken(text)
	if err != nil {
		return Tokens{}, refused(ctx, invalid, token, from)
	}
	var o outcome
	err = s.pool.InTenant(db.WithTenant(ctx, token.TenantID()), func(ctx context.Context) error {
		o, err = s.exchange(ctx, token, from)
		return err
	})
	if err != nil {
		return Tokens{}, err
	}
	if o.refusal != "" {
		return Tokens{}, refused(ctx, o.refusal, token, from)
	}
	return s.tokens(o.principal, o.next, o.left)
}

// outcome is what becomes of a token: the next one, or a refusal. A refusal is no error inside the transaction, because the
// end of a session whose token was reused has to be committed.
type outcome struct {
	principal auth.Principal
	next      auth.RefreshToken
	left      time.Duration // of the session
	refusal   refusal
}

// refusal is why a refresh token is not taken.
type refusal string

const (
	invalid refusal = "invalid_refresh_token"
	expired refusal = "expired_refresh_token"
	revoked refusal = "revoked_refresh_token"
	reused  refusal = "reused_refresh_token"
)

func (s *Service) exchange(ctx context.Context, token auth.RefreshToken, from Client) (outcome, error) {
	row, why, err := s.find(ctx, token)
	if err != nil || why != "" {
		return outcome{refusal: why}, err
	}
	if !token.Matches(row.RefreshHash) {
		return s.spent(ctx, row, token, from)
	}
	seed := auth.NewSeed()
	next := token.Successor(row.Family, seed)
	generation, err := s.store.rotate(ctx, rotation{row.ID, token.Hash(), next.Hash(), seed, from.kept(), s.config.RefreshTokenTTL})
	if errors.Is(err, sql.ErrNoRows) { // another request has spent it since, or ended the session, and has committed
		if row, why, err = s.find(ctx, token); err != nil || why != "" {
			return outcome{refusal: why}, err
		}
		return s.spent(ctx, row, token, from)
	}
	if err != nil {
		return outcome{}, err
	}
	row.Generation = generation
	o, err := s.admit(ctx, row, next)
	if err != nil || o.refusal != "" {
		return o, err
	}
	return o, s.record(ctx, "token_issued", "refresh", o.principal, from)
}

// find returns the session of a token, or why there is none that goes on. Who has made the token up learns no more than that.
func (s *Service) find(ctx context.Context, token auth.RefreshToken) (live, refusal, error) {
	row, err := s.store.find(ctx, token.SessionID(), s.config.RefreshGrace)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		why, err := s.vanished(ctx, token)
		return row, why, err
	case err != nil:
		return row, "", err
	case !token.Of(row.Family):
		return row, invalid, nil
	}
	return row, row.over(), nil
}

// spent is for a token that is not the current one: the one before it gets the same successor for a while, any other that was
// ever given out ends the session.
func (s *Service) spent(ctx context.Context, row live, token auth.RefreshToken, from Client) (outcome, error) {
	if next := token.Successor(row.Family, row.Seed); row.InGrace && next.Matches(row.RefreshHash) {
		return s.admit(ctx, row, next) // what the trail has already
	}
	n, err := s.revoke(ctx, string(reused), one, row.UserID, row.ID)
	if err != nil || n == 0 { // somebody else has ended it at the same time
		return outcome{refusal: revoked}, err
	}
	return outcome{refusal: reused}, s.record(ctx, "refresh_reuse_detected", "", row.principal(), from)
}

// vanished is for a token whose session is not there. The sessions of a member who was removed are deleted with the
// membership, and are known to be revoked for as long as their access tokens would have lived.
func (s *Service) vanished(ctx context.Context, token auth.RefreshToken) (refusal, error) {
	_, known, err := lookup(ctx, s.pool, token.SessionID())
	if err != nil {
		return "", err
	}
	if known {
		return revoked, nil
	}
	return invalid, nil
}

// admit reads the role in a statement after the one that has locked the session: a change of the role that was committed
// before is seen, and one that comes later makes this generation stale (see [Service.Renew]).
func (s *Service) admit(ctx context.Context, row live, next auth.RefreshToken) (outcome, error) {
	role, err := s.store.role(ctx, row.UserID)
	if errors.Is(err, sql.ErrNoRows) {
		return outcome{refusal: revoked}, nil
	}
	if err != nil {
		return outcome{}, err
	}
	p := row.principal()
	p.Roles = []auth.Role{role}
	return outcome{principal: p, next: next, left: time.Duration(row.Left * float64(time.Second))}, nil
}

// over says why the session goes on no more, or nothing.
func (l live) over() refusal {
	switch {
	case l.Revoked:
		return revoked
	case l.Expired:
		return expired
	}
	return ""
}

func (l live) principal() auth.Principal {
	return auth.Principal{UserID: l.UserID, TenantID: l.TenantID, SessionID: l.ID, Generation: l.Generation}
}

// refused logs why a refresh token was not taken, and returns what its client reads. There is no row of the audit trail for
// it, which anybody could fill.
func refused(ctx context.Context, why refusal, token auth.RefreshToken, from Client) error {
	fields := []logging.Field{logging.String("reason", string(why)), logging.String("remote_ip", from.RemoteIP)}
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
