package db

import (
	"context"
	"database/sql"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/lib/pq/pqerror"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// maxWait is how long a start waits for a server that cannot be reached or says that it is starting.
const maxWait = time.Minute

// wait returns when the server behind db answers, or the reason why it never will.
func wait(ctx context.Context, db *sql.DB, log logging.Logger) error {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = 100*time.Millisecond, 5*time.Second
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := db.PingContext(ctx)
		if err != nil && !mayComeUp(err) {
			err = backoff.Permanent(describe(err))
		}
		return struct{}{}, err
	}, backoff.WithBackOff(pause), backoff.WithMaxElapsedTime(maxWait), backoff.WithNotify(func(err error, next time.Duration) {
		log.Warn(ctx, "database_waiting", logging.Err(describe(err)), logging.Duration("retry_in_ms", next))
	}))
	if err != nil {
		return errors.Unavailable(describe(err), "The database pool could not be initialized", retryAfter)
	}
	return nil
}

// mayComeUp tells a server that is away, starting or full from one that refuses: a wrong password stays wrong.
func mayComeUp(err error) bool {
	state := pqerror.Code(SQLState(err))
	if state == "" {
		return connectionLost(err)
	}
	if state == pqerror.ProtocolViolation { // PgBouncer refuses a startup parameter so
		return false
	}
	switch state.Class() {
	case "08", "53", "57": // connection exception, insufficient resources, operator intervention
		return true
	}
	return false
}
