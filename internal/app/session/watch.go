package session

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// Watch keeps this replica's list of revocations in step with the database until ctx ends. Whenever the connection is made,
// the list is read anew before it counts as complete: what was revoked while nobody listened is in it, and what is revoked
// while it is read arrives by the connection. role is as in [db.ListenOptions]. It returns an error for a configuration that
// can never work, and for no other reason. Run it in a goroutine.
func (s *Service) Watch(ctx context.Context, cfg db.Config, role string) error {
	return s.watch(ctx, func(ctx context.Context, o db.ListenOptions) error {
		o.Role = role
		return db.Listen(ctx, cfg, o)
	})
}

func (s *Service) watch(ctx context.Context, listen func(context.Context, db.ListenOptions) error) error {
	defer s.revocations.Connected(false)
	return listen(ctx, db.ListenOptions{
		Channels: []string{channel},
		OnNotify: func(_, payload string) { s.notified(ctx, payload) },
		OnState:  func(connected bool) { s.revocations.Connected(connected && s.reread(ctx)) },
	})
}

// The pauses between attempts to read the list. Tokens are looked up one by one meanwhile.
const (
	firstPause   = 50 * time.Millisecond
	longestPause = 2 * time.Second
)

// reread reads the list, however often that takes, and reports whether it has before ctx ended.
func (s *Service) reread(ctx context.Context) bool {
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		list, err := s.store.revocations(ctx)
		if err == nil {
			now := time.Now()
			for _, l := range list {
				s.revocations.Add(l.SessionID, l.MinGeneration, now.Add(time.Duration(l.Seconds*float64(time.Second))))
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
		case <-time.After(pause):
		}
	}
}

func (s *Service) notified(ctx context.Context, payload string) {
	id, minGeneration, ok := parseNotification(payload)
	if !ok {
		log.Error(ctx, "revocation_not_understood", logging.Int("bytes", len(payload)))
		return
	}
	s.revocations.Add(id, minGeneration, time.Now().Add(s.keep()))
}

func parseNotification(payload string) (id uuid.UUID, minGeneration int64, ok bool) {
	idText, number, ok := strings.Cut(payload, " ")
	if !ok || len(idText) != len("019b0000-0000-7000-8000-000000000001") {
		return uuid.Nil, 0, false
	}
	id, err := uuid.Parse(idText)
	if err != nil {
		return uuid.Nil, 0, false
	}
	minGeneration, err = strconv.ParseInt(number, 10, 64)
	return id, minGeneration, err == nil
}
