package session

import (
	"context"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
)

// What the tests outside of the package need to see of its inside.
var ParseNotification = parseNotification

// MaxSessions is how many sessions a member has.
const MaxSessions = maxSessions

// WatchWith is Watch with another way to listen.
func (s *Service) WatchWith(ctx context.Context, listen func(context.Context, db.ListenOptions) error) error {
	return s.watch(ctx, listen)
}
