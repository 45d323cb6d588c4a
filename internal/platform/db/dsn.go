package db

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"

	"github.com/lib/pq"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// errDSN says nothing of the DSN: the parsers' own errors quote the password.
var errDSN = errors.Sentinel("DATABASE_URL is not a postgres:// URL or key=value DSN that can be read")

func parseDSN(dsn string) (pq.Config, error) {
	cfg, err := pq.NewConfig(dsn)
	if err != nil {
		return pq.Config{}, errDSN
	}
	if cfg.SSLMode == "" {
		// lib/pq has announced another default, so the choice is made here: TLS, except to this machine.
		cfg.SSLMode = pq.SSLModeRequire
		if loopback(cfg.Host) {
			cfg.SSLMode = pq.SSLModePrefer
		}
	}
	return cfg, nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// Redact returns where a DSN points to, as postgres://user@host:port/database: an allow-list of its parts, so that no
// password or other parameter can be among them. A DSN that cannot be read gives "postgres://unreadable".
func Redact(dsn string) string {
	cfg, err := parseDSN(dsn)
	if err != nil {
		return "postgres://unreadable"
	}
	u := url.URL{Scheme: "postgres", Host: net.JoinHostPort(cfg.Host, strconv.Itoa(int(cfg.Port))), Path: "/" + cfg.Database}
	if cfg.User != "" {
		u.User = url.User(cfg.User)
	}
	return u.String()
}
