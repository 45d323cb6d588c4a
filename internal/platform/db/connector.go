package db

import (
	"context"
	"crypto/tls"
	"database/sql/driver"
	"fmt"
	"strconv"
	"time"

	"github.com/lib/pq"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// connector opens the connections of a pool and sets on each what the service relies on.
type connector struct {
	cfg      pq.Config
	observer observer
}

type connectorOptions struct {
	appName        string
	commandTimeout time.Duration // zero for none: migrations may take long
	role           string        // the role to act as; empty for the one that logs in
	observer       observer
}

func newConnector(dsn string, o connectorOptions) (*connector, error) {
	cfg, err := parseDSN(dsn)
	if err != nil {
		return nil, err
	}
	cfg = cfg.Clone()
	if cfg.ConnectTimeout <= 0 {
		cfg.ConnectTimeout = dialTimeout
	}
	if cfg.ApplicationName == "" {
		cfg.ApplicationName = o.appName
	}
	if o.commandTimeout > 0 {
		ms := strconv.FormatInt(o.commandTimeout.Milliseconds(), 10)
		setDefault(cfg.Runtime, "statement_timeout", ms)
		setDefault(cfg.Runtime, "idle_in_transaction_session_timeout", ms)
	}
	if o.role != "" {
		// As a startup parameter it is what RESET ROLE goes back to, so no statement can get out of it that way.
		cfg.Runtime["role"] = o.role
	}
	return &connector{cfg: cfg, observer: o.observer}, nil
}

// setDefault leaves what the DSN says.
func setDefault(params map[string]string, name, value string) {
	if _, ok := params[name]; !ok {
		params[name] = value
	}
}

// Connect implements [driver.Connector].
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	d := &dialer{}
	opened, err := c.connect(ctx, d)
	if err != nil {
		return nil, err
	}
	d.connected.Store(true)
	return newConn(opened, d.conn, c.observer, c.cfg.BinaryParameters), nil
}

// connect opens a connection of lib/pq's over what d dials.
func (c *connector) connect(ctx context.Context, d pq.Dialer) (pqConn, error) {
	inner, err := pq.NewConnectorConfig(c.cfg)
	if err != nil {
		return nil, errDSN
	}
	inner.Dialer(d)
	opened, err := inner.Connect(ctx)
	if err != nil {
		return nil, unreachable(err)
	}
	pc, ok := opened.(pqConn)
	if !ok {
		_ = opened.Close()
		return nil, fmt.Errorf("connect to the database: lib/pq's %T lacks a method this package builds on", opened)
	}
	return pc, nil
}

// errUnreachable marks what went wrong on the way to a server, which lib/pq reports in types of its own.
var errUnreachable = errors.Sentinel("connect to the database")

// unreachable leaves what the server itself has said, and what will be no better at the next attempt, as it is.
func unreachable(err error) error {
	if _, ok := errors.AsType[*pq.Error](err); ok || errors.Is(err, pq.ErrSSLNotSupported) {
		return err
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return err
	}
	return fmt.Errorf("%w: %w", errUnreachable, err)
}

// Driver implements [driver.Connector].
func (c *connector) Driver() driver.Driver { return &pq.Driver{} }
