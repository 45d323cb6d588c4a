package db

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lib/pq"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

const (
	heartbeat        = 250 * time.Millisecond // between two questions whether the server is there
	heartbeatTimeout = 450 * time.Millisecond // for the answer
	secondLook       = 50 * time.Millisecond  // for an answer that is there although the time is over

	firstListenPause = 50 * time.Millisecond // before another attempt to connect; doubled up to the next
	maxListenPause   = time.Second
	maxChannelName   = 63 // bytes, what PostgreSQL keeps of a name
)

var (
	errListenerLost   = errors.Sentinel("the connection was lost")
	errListenerSilent = errors.Sentinel("the server has not answered in time")
)

// ListenOptions say what to listen to and whom to tell. The functions are called one at a time and are to return soon: while
// one runs, neither a notification nor the loss of the connection is told. One that panics counts as a loss of the connection,
// since its notification may not have had its effect.
type ListenOptions struct {
	// Channels are the names of the channels, as NOTIFY has them in quotes: 1 to 63 bytes, upper case is kept.
	Channels []string
	// OnNotify is called for each notification, in the order in which the server sends them, that of their commits. Required.
	OnNotify func(channel, payload string)
	// OnState is called with true when LISTEN is in effect on a new connection: what is committed from then on is notified
	// here, and what was committed before is there to be read. It is called with false when the connection is lost, within
	// a second also where the network has only gone silent, and at the end. It begins as false and alternates. Nil for none.
	OnState func(connected bool)
	// Role is as in [Options]: the session acts as it where the login could bypass row security. It runs nothing but LISTEN, so
	// no login is refused.
	Role string
	// Log is told of listener_connected and listener_disconnected. The zero value means the package's own.
	Log logging.Logger
}

func (o ListenOptions) check() error {
	if len(o.Channels) == 0 || o.OnNotify == nil {
		return errors.Sentinel("listen: Channels and OnNotify are required")
	}
	for _, name := range o.Channels {
		if name == "" || len(name) > maxChannelName || !utf8.ValidString(name) || strings.ContainsRune(name, 0) {
			return fmt.Errorf("listen: the name of a channel must be 1 to %d bytes of UTF-8 without NUL", maxChannelName)
		}
	}
	return nil
}

// Listen listens for notifications until ctx ends, and then returns nil with nothing left running. It has a connection of its
// own, beside any pool, and replaces one that is lost: at once, then with pauses of up to a second, for ever. It returns an
// error at once for options or a DSN that can never work, and for no other reason. Run it in a goroutine.
//
// Notifications that are sent while there is no connection are lost, so a listener is used like this: while the state is
// false, do without; when it becomes true, read what was missed from the table that the notifications are about.
//
// It does not build on pq.Listener, which takes a LISTEN that failed with its connection for done, hangs in Ping and then also
// in Close when the network goes silent, and panics where it did not expect an error.
func Listen(ctx context.Context, cfg Config, o ListenOptions) error {
	if err := o.check(); err != nil {
		return err
	}
	o.Log = own(o.Log)
	c, err := newConnector(cfg.URL.Reveal(), connectorOptions{appName: cfg.AppName + "-listen", commandTimeout: cfg.CommandTimeout})
	if err != nil {
		return err
	}
	l := &listener{ListenOptions: o, connector: c, database: Redact(cfg.URL.Reveal())}
	l.run(ctx)
	return nil
}

type listener struct {
	ListenOptions
	connector *connector
	database  string
}

// run keeps a session alive. An outage is logged once, as a warning, and each further attempt at debug.
func (l *listener) run(ctx context.Context) {
	told := false
	limit := firstListenPause
	for {
		began := time.Now()
		had, err := l.session(ctx)
		if ctx.Err() != nil {
			return
		}
		fields := []logging.Field{logging.String("database", l.database), logging.Err(describe(err))}
		if had || !told {
			l.Log.Warn(ctx, "listener_disconnected", fields...)
		} else {
			l.Log.Debug(ctx, "listener_attempt_failed", fields...)
		}
		told = true
		if had && time.Since(began) >= maxListenPause { // not one that is ended as soon as it begins
			limit = firstListenPause
			continue
		}
		if !pause(ctx, limit) {
			return
		}
		limit = min(2*limit, maxListenPause)
	}
}

// session is the life of one connection. It reports whether LISTEN was in effect, and why it is over.
func (l *listener) session(ctx context.Context) (had bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // closes what was dialled
	s, err := l.connector.listen(ctx, l.statement())
	if err != nil {
		return false, err
	}
	defer func() { _ = s.net.Close() }() // before this returns
	l.Log.Info(ctx, "listener_connected", logging.String("database", l.database), logging.Int("channels", len(l.Channels)))
	// From here on, what the server sends waits in the connection until it is asked for.
	err = l.state(true)
	if err == nil {
		err = s.receive(func(n *pq.Notification) { l.OnNotify(n.Channel, n.Extra) }) //nolint:contextcheck // the end of ctx closes the connection
	}
	return true, errors.Join(err, l.state(false))
}

// statement takes effect as a whole, in one transaction, with one answer.
func (l *listener) statement() string {
	var b strings.Builder
	if l.Role != "" {
		b.WriteString("select set_config('role', rolname, false) from pg_roles where rolname = " + pq.QuoteLiteral(l.Role) +
			" and exists (select from pg_roles where (rolsuper or rolbypassrls) and pg_has_role(session_user, oid, 'member'));")
	}
	for _, name := range l.Channels {
		b.WriteString("listen " + pq.QuoteIdentifier(name) + ";")
	}
	return b.String()
}

func (l *listener) state(connected bool) error {
	if l.OnState == nil {
		return nil
	}
	return caught(func() { l.OnState(connected) })
}

// caught returns a panic of fn as an error.
func caught(fn func()) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = errors.Recovered(value)
		}
	}()
	fn()
	return nil
}

// silence tells a connection that answers no more from one that has ended.
func silence(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errListenerSilent
	}
	return fmt.Errorf("%w: %w", errListenerLost, describe(err))
}
