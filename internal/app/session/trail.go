package session

import (
	"context"

	"github.com/netrun-systems/go-service-template/internal/app/audit"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
)

// Recorder keeps the audit trail, as [audit.Recorder] does.
type Recorder interface {
	Record(ctx context.Context, e audit.Entry) error
}

// record writes what happened to the session of p to the audit trail.
func (s *Service) record(ctx context.Context, event, reason string, p auth.Principal, from Client) error {
	return s.audit.Record(ctx, audit.Entry{
		Event: event, Reason: reason, ActorID: p.UserID, SessionID: p.SessionID,
		TargetType: "session", TargetID: p.SessionID.String(), RemoteIP: from.RemoteIP,
	})
}
