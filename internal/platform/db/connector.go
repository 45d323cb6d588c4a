package db

import (
	"context"
	"crypto/tls"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// connector opens connections and sets their startup parameters.
type connector struct {
	cfg        pq.Config
	observer   observer
	generation atomic.Int64 // of new connections; a connection of an older one is not used again
}

// retire makes the pool replace all connections of a generation before they are used again.
func (c *connector) retire(generation int64) { c.generation.CompareAndSwap(generation, generation+1) }

// newConnector returns a connector for the database of cfg. suffix is added to the application
// name.
func newConnector(ctx context.Context, cfg Config, suffix string, log logging.Logger) (*connector, error) {
	parsed, err := parseDSN(cfg.URL.Reveal())
	if err != nil {
		return nil, err
	}
	c := parsed.Clone()
	if err := checkTLSFiles(ctx, c); err != nil {
		return nil, err
	}
	if c.ConnectTimeout <= 0 {
		c.ConnectTimeout = dialTimeout
	}
	if c.ApplicationName == "" {
		c.ApplicationName = cfg.AppName + suffix
	}
	for _, name := range []string{"statement_timeout", "idle_in_transaction_session_timeout"} {
		if _, ok := c.Runtime[name]; !ok && cfg.CommandTimeout > 0 { // the DSN takes precedence
			c.Runtime[name] = strconv.FormatInt(cfg.CommandTimeout.Milliseconds(), 10)
		}
	}
	c.Runtime["timezone"] = "UTC" // the location of every time.Time that a query returns
	return &connector{cfg: c, observer: observer{log: log}}, nil
}

// Connect implements [driver.Connector].
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	d, generation := &dialer{}, c.generation.Load()
	opened, err := c.connect(ctx, d)
	if err != nil {
		return nil, err
	}
	d.connected.Store(true)
	pooled := &conn{pqConn: opened, net: d.conn, connector: c, generation: generation, opened: time.Now()}
	if !c.cfg.BinaryParameters {
		pooled.statements, pooled.reads = map[string]statement{}, map[string]string{}
	}
	return pooled, nil
}

// connect opens a connection of lib/pq through the dialer d.
func (c *connector) connect(ctx context.Context, d pq.Dialer) (pqConn, error) {
	inner, err := pq.NewConnectorConfig(c.cfg)
	if err != nil {
		return nil, errDSN
	}
	inner.Dialer(d)
	opened, err := inner.Connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errConnect, err)
	}
	return opened.(pqConn), nil //nolint:errcheck // lib/pq's connections have these methods
}

// errConnect marks errors of connecting, whatever their type or SQLSTATE: the service is
// unavailable, not wrong.
var errConnect = errors.Sentinel("connect to the database")

// Driver implements [driver.Connector].
func (c *connector) Driver() driver.Driver { return &pq.Driver{} }

// dialTimeout limits connecting, TLS and the PostgreSQL handshake together when the DSN has no
// connect_timeout: lib/pq's handshake ignores ctx.
const dialTimeout = 5 * time.Second

// dialer dials with keep-alives, to detect a dead peer, and remembers the connection so that [conn]
// can close it. lib/pq may dial several times to connect, where the last one counts, and dials
// again later to cancel statements.
type dialer struct {
	pq.Dialer // nil: lib/pq calls DialContext alone
	conn      net.Conn
	connected atomic.Bool
}

var netDialer = net.Dialer{
	KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3},
	Control:         setUserTimeout,
}

// DialContext implements [pq.DialerContext]. lib/pq cancels ctx after connect_timeout.
func (d *dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if d.connected.Load() {
		return dialToCancel(ctx, network, address)
	}
	if d.conn != nil {
		_ = d.conn.Close() // lib/pq does not close a connection whose server has no TLS
	}
	conn, err := netDialer.DialContext(ctx, network, address)
	d.conn = conn
	return conn, err
}

// dialToCancel limits the whole attempt to cancel a statement, because the statement waits for it.
func dialToCancel(ctx context.Context, network, address string) (net.Conn, error) {
	end := time.Now().Add(cancelGrace)
	ctx, cancel := context.WithDeadline(ctx, end)
	defer cancel()
	conn, err := netDialer.DialContext(ctx, network, address)
	if err == nil {
		time.AfterFunc(time.Until(end), func() { _ = conn.Close() }) // lib/pq sets a deadline of its own
	}
	return conn, err
}

// maxWait limits the wait for a server that is unreachable or starting.
const maxWait = time.Minute

// wait pings db, the database of cfg, until the server answers. It returns at once for an error
// that a retry cannot help. It logs the first failure, not every one.
func wait(ctx context.Context, db *sql.DB, cfg Config, limit time.Duration, log logging.Logger) error {
	address := Redact(cfg.URL.Reveal())
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = 100*time.Millisecond, 5*time.Second
	ping := func() (struct{}, error) {
		err := describe(db.PingContext(ctx))
		if err != nil && !isTemporary(err) {
			err = backoff.Permanent(fmt.Errorf("connect to %s (DATABASE_URL): %w", address, err))
		}
		return struct{}{}, err
	}
	var once sync.Once
	waiting := func(err error, _ time.Duration) {
		once.Do(func() {
			log.Warn(ctx, "database_waiting", logging.Err(err),
				logging.String("message", fmt.Sprintf("waiting up to %.0f s for %s", limit.Seconds(), address)))
		})
	}
	_, err := backoff.Retry(ctx, ping, backoff.WithBackOff(pause), backoff.WithMaxElapsedTime(limit),
		backoff.WithNotify(waiting))
	switch {
	case err == nil:
		return nil
	case isTemporary(err) && ctx.Err() == nil:
		err = fmt.Errorf("%s (DATABASE_URL) did not answer for %.0f s: %w", address, limit.Seconds(), err)
	}
	return errors.Unavailable(err, "The database pool could not be initialized", retryAfter)
}

// isTemporary reports whether a server may accept a later attempt: a wrong password stays wrong.
func isTemporary(err error) bool {
	if state := pqerror.Code(SQLState(err)); state != "" {
		return serverUnavailable(state) && !strings.Contains(err.Error(), parameterRefused)
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return false
	}
	return connectionLost(err) && !errors.Is(err, pq.ErrSSLNotSupported)
}

// The errors of [Open] for a login that must not be used. They contain the statement that helps.
var (
	// ErrBypassesRowSecurity means that the login is, or can become, a superuser or a role with
	// BYPASSRLS, to which row security does not apply, even when forced.
	ErrBypassesRowSecurity = errors.Sentinel("the database role is a superuser or has BYPASSRLS, " +
		"so row security does not apply: connect as a role without either")
	// ErrNotMember means that the login does not have the privileges of [Options].Role.
	ErrNotMember = errors.Sentinel("the login of DATABASE_URL may not read the tables")
	// ErrOwnsTables means that the login owns the tables and cannot act as [Options].Role.
	ErrOwnsTables = errors.Sentinel("the login of DATABASE_URL owns the tables, so it could turn row security off")
)

// CheckLogin returns the error that [Open] would return for the login of cfg. Call it before
// migrations.
func CheckLogin(ctx context.Context, cfg Config, o Options) error {
	o.Log = orDefault(o.Log)
	_, err := loginConnector(ctx, cfg, o)
	return openFailed(ctx, o.Log, err)
}

// loginConnector waits for the server and returns a connector for the login of cfg. The connector
// acts as Options.Role when row security does not apply to the login or the login owns the tables.
// It sends statements unprepared when the pooler needs that.
func loginConnector(ctx context.Context, cfg Config, o Options) (*connector, error) {
	c, err := newConnector(ctx, cfg, "", o.Log)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(c)
	defer func() { _ = db.Close() }()
	if err := wait(ctx, db, cfg, maxWait, o.Log); err != nil {
		return nil, err
	}
	var bypasses, exists, lacks, owns, member bool
	var login string
	// SET ROLE can switch to any role that the login is a member of, so all of them count. From
	// PostgreSQL 16 on, a membership need not include that. There are no arguments, because statements
	// cannot be prepared behind every pooler.
	role := pq.QuoteLiteral(o.Role)
	err = db.QueryRowContext(ctx, `
		with tables as (
			select not has_any_column_privilege(session_user, t.oid, 'select') as lacks,
				pg_has_role(session_user, t.relowner, 'member') as owns
			from pg_class t join pg_roles m on m.rolname = `+role+`
			where t.relkind in ('r', 'p') and t.relnamespace::regnamespace::text !~ '^(pg_|information_schema$)'
			and has_any_column_privilege(m.oid, t.oid, 'select')
		)
		select coalesce(bool_or((rolsuper or rolbypassrls) and pg_has_role(session_user, oid, 'member')), false),
		       coalesce(bool_or(rolname = `+role+`), false),
		       coalesce(bool_or(rolname = `+role+` and pg_has_role(session_user, oid,
		           case when current_setting('server_version_num')::int >= 160000 then 'set' else 'member' end)), false),
		       exists (select from tables where lacks), exists (select from tables where owns), quote_ident(session_user)
		from pg_roles`).Scan(&bypasses, &exists, &member, &lacks, &owns, &login)
	switch {
	case err != nil:
		return nil, fmt.Errorf("look up the database role: %w", mapError(ctx, err))
	case bypasses && !o.ActAs:
		return nil, ErrBypassesRowSecurity
	case bypasses && !exists:
		return nil, fmt.Errorf("%w; the role %s, which migrations create, does not exist yet", ErrBypassesRowSecurity, o.Role)
	case owns && !member && !o.ActAs:
		return nil, fmt.Errorf("%w: connect as another one, or have an administrator run: grant %s to %s",
			ErrOwnsTables, o.Role, login)
	case !bypasses && lacks:
		return nil, fmt.Errorf("%w: have an administrator run: grant %s to %s", ErrNotMember, o.Role, login)
	}
	if !c.cfg.BinaryParameters && losesStatements(ctx, db) {
		o.Log.Warn(ctx, "statements_unprepared", logging.String("message",
			"the pooler loses prepared statements, so they are sent unprepared (PgBouncer 1.21: set max_prepared_statements)"))
		c.cfg.BinaryParameters = true
	}
	// As a startup parameter it is the role that RESET ROLE returns to, so no statement can leave it.
	if bypasses || owns && member {
		c.cfg.Runtime["role"] = o.Role
	}
	return c, nil
}

const (
	moves       = 3               // attempts of [losesStatements] to get another session
	moveTimeout = 3 * time.Second // for one, because a pool of one session has no other
)

// losesStatements reports whether a pooler moves a connection between sessions of the server
// without its prepared statements, where they are missing or are those of another client. The first
// transaction prepares a statement, another connection takes the session that is free then, and the
// second transaction executes the statement in another session. Without a pooler there is none.
func losesStatements(ctx context.Context, db *sql.DB) bool {
	conn, err := db.Conn(ctx)
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	marker := NewID().String()
	execute := func(ctx context.Context) (session int, ok bool) {
		tx, err := conn.BeginTx(ctx, nil)
		if err != nil {
			return 0, false
		}
		defer func() { _ = tx.Rollback() }()
		var got string
		err = tx.QueryRowContext(ctx, "select pg_backend_pid(), '"+marker+"' where $1", true).Scan(&session, &got)
		return session, err == nil && got == marker
	}
	for range moves {
		first, ok := execute(ctx)
		if !ok {
			return true
		}
		other, err := db.BeginTx(ctx, nil)
		if err != nil {
			return false
		}
		limited, cancel := context.WithTimeout(ctx, moveTimeout)
		second, ok := execute(limited)
		cancel()
		_ = other.Rollback()
		if !ok || second != first {
			return !ok
		}
	}
	return false
}
