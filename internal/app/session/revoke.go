package session

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/app/audit"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// revoke revokes the selected sessions in the tenant of the transaction and returns their number.
// All replicas learn of it with the commit.
func (s *Service) revoke(
	ctx context.Context, actor uuid.UUID, reason string, which selection, args ...any,
) (int, error) {
	list, err := s.store.revoke(ctx, s.retention, reason, which, args...)
	if err != nil {
		return 0, err
	}
	for _, r := range list {
		// session_id in the details is the revoked session. The entry itself has that of the actor.
		err := s.audit.Record(ctx, audit.Entry{
			Event: "session_revoked", ActorID: actor, TargetType: "session", TargetID: r.SessionID.String(), Reason: reason,
			Details: map[string]any{"session_id": r.SessionID.String(), "owner_id": r.UserID.String()},
		})
		if err != nil {
			return 0, err
		}
	}
	s.addAfterCommit(ctx, list)
	return len(list), nil
}

// addAfterCommit adds revocations to the list of this replica without waiting for the notification.
func (s *Service) addAfterCommit(ctx context.Context, list []revocation) {
	if len(list) == 0 {
		return
	}
	db.AfterCommit(ctx, func(context.Context) {
		until := time.Now().Add(s.retention)
		for _, r := range list {
			s.revocations.Add(r.SessionID, r.MinGeneration, until)
		}
	})
}

// Lookup returns a function that looks up the revocation of one session in the database, for
// [auth.NewRevocations].
func Lookup(pool *db.Pool) func(context.Context, uuid.UUID) (minGeneration int64, known bool, err error) {
	return store{pool}.lookup
}

// Watch keeps the revocations of this replica in step with the database until listen, such as
// [db.Pool.Listen], returns. After each connect it reads the whole list before the list counts as
// complete: it has the revocations made while disconnected, and those made meanwhile arrive as
// notifications.
func (s *Service) Watch(ctx context.Context, listen func(context.Context, db.ListenOptions) error) error {
	defer s.revocations.Connected(false)
	return listen(ctx, db.ListenOptions{
		Channels: []string{channel},
		OnNotify: func(_, payload string) { s.notified(ctx, payload) },
		OnState:  func(connected bool) { s.revocations.Connected(connected && s.reload(ctx)) },
		OnAlive:  s.revocations.Alive,
	})
}

// The delay between attempts to read the list. Tokens are looked up one by one meanwhile.
const (
	minDelay = 50 * time.Millisecond
	maxDelay = 2 * time.Second
)

// reload reads the list, retrying until ctx ends, and reports whether it succeeded.
func (s *Service) reload(ctx context.Context) bool {
	for delay := minDelay; ; delay = min(2*delay, maxDelay) {
		list, err := s.store.revocations(ctx)
		if err == nil {
			now := time.Now()
			for _, r := range list {
				s.revocations.Add(r.SessionID, r.MinGeneration, now.Add(time.Duration(r.Seconds*float64(time.Second))))
			}
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		log.Warn(ctx, "revocations_not_read", logging.Err(err))
		select {
		case <-ctx.Done():
			return false
		case <-time.After(delay):
		}
	}
}

func (s *Service) notified(ctx context.Context, payload string) {
	id, minGeneration, ok := parseNotification(payload)
	if !ok {
		log.Error(ctx, "revocation_not_understood", logging.Int("bytes", len(payload)))
		return
	}
	s.revocations.Add(id, minGeneration, time.Now().Add(s.retention))
}

// parseNotification parses "<session id> <first valid generation>".
func parseNotification(payload string) (id uuid.UUID, minGeneration int64, ok bool) {
	text, number, _ := strings.Cut(payload, " ")
	id, err := uuid.Parse(text)
	if err != nil || len(text) != len(uuid.Nil.String()) { // Parse accepts other forms, too
		return uuid.Nil, 0, false
	}
	minGeneration, err = strconv.ParseInt(number, 10, 64)
	return id, minGeneration, err == nil
}
