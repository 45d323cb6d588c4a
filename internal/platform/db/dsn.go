package db

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/lib/pq"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// errDSN says nothing of the DSN: the parsers' own errors quote the password.
var errDSN = errors.Sentinel("DATABASE_URL is not a postgres:// URL or key=value DSN that can be read")

// parseDSN refuses more than lib/pq does. What it returns can be shown, but for Password.
func parseDSN(dsn string) (pq.Config, error) {
	cfg, err := pq.NewConfig(dsn)
	if err != nil || passwordAstray(dsn) || !plausibleHost(cfg.Host) {
		return pq.Config{}, errDSN
	}
	if cfg.SSLMode == "" {
		// lib/pq has announced another default, so the choice is made here: TLS, except to this machine.
		cfg.SSLMode = pq.SSLModeRequire
		if loopback(cfg) {
			cfg.SSLMode = pq.SSLModePrefer
		}
	}
	return cfg, nil
}

// passwordAstray reports whether a URL has lost the end of its user and password to the path or the query, which a /, ? or
// # in a password does that is not percent-encoded. Its beginning is then taken for the host and the port.
func passwordAstray(dsn string) bool {
	u, err := url.Parse(dsn)
	if err != nil || u.Scheme == "" || u.User != nil {
		return false
	}
	if q := u.Query(); q.Has("user") || q.Has("password") {
		return false
	}
	return strings.Contains(u.Path+u.RawQuery+u.Fragment, "@")
}

// plausibleHost takes names, addresses, lists of them, and paths of sockets.
func plausibleHost(hosts string) bool {
	for host := range strings.SplitSeq(hosts, ",") {
		if _, err := netip.ParseAddr(bare(host)); err == nil || strings.HasPrefix(host, "/") || strings.HasPrefix(host, "@") {
			continue
		}
		if strings.ContainsFunc(host, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-._", r)
		}) {
			return false
		}
	}
	return true
}

// bare takes the brackets off an IPv6 address, which lib/pq leaves as they are in a URL.
func bare(host string) string { return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]") }

// loopback reports whether all that the DSN may lead to is on this machine.
func loopback(cfg pq.Config) bool {
	here := func(host string, addr netip.Addr) bool {
		if addr.IsValid() { // then the host is only a name for TLS
			return addr.IsLoopback()
		}
		addr, err := netip.ParseAddr(bare(host))
		return host == "localhost" || err == nil && addr.IsLoopback()
	}
	for _, more := range cfg.Multi {
		if !here(more.Host, more.Hostaddr) {
			return false
		}
	}
	return here(cfg.Host, cfg.Hostaddr)
}

// Redact returns where a DSN points to, as postgres://user@host:port/database: an allow-list of its parts, so that no
// password or other parameter can be among them. A DSN that cannot be read gives "postgres://unreadable".
func Redact(dsn string) string {
	cfg, err := parseDSN(dsn)
	if err != nil {
		return "postgres://unreadable"
	}
	u := url.URL{Scheme: "postgres", Host: net.JoinHostPort(bare(cfg.Host), strconv.Itoa(int(cfg.Port))), Path: "/" + cfg.Database}
	if cfg.User != "" {
		u.User = url.User(cfg.User)
	}
	return u.String()
}
