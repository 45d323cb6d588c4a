package db

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/lib/pq"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// errDSN does not quote the DSN: the errors of the parsers contain the password.
var errDSN = errors.Sentinel("DATABASE_URL is not a valid postgres:// URL or key=value DSN")

var (
	urlScheme    = regexp.MustCompile(`^(?i:postgres|postgresql)://`)
	parameter    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]*$`)
	hostOrSocket = regexp.MustCompile(`^(?:[A-Za-z0-9._-]*$|[/@])`)
)

// parseDSN accepts the URLs of libpq, which may have several hosts and a scheme in any case, and
// key=value DSNs. It refuses what lib/pq would read as parameters with odd names and send to the
// default host, so that every field but Password can be logged.
func parseDSN(dsn string) (pq.Config, error) {
	dsn = strings.TrimSpace(dsn)
	if scheme := urlScheme.FindString(dsn); scheme != "" {
		u, ok := parseURL(dsn[len(scheme):])
		if !ok {
			return pq.Config{}, errDSN
		}
		dsn = u.String()
	}
	cfg, err := pq.NewConfig(dsn)
	if err != nil || !plausibleHosts(cfg) {
		return pq.Config{}, errDSN
	}
	for name, value := range cfg.Runtime { // for example a quoted URL, or Server=host;Password=x
		if !parameter.MatchString(name) || strings.ContainsAny(value, ";=") || strings.Contains(value, "://") {
			return pq.Config{}, errDSN
		}
	}
	if cfg.SSLMode == "" {
		// lib/pq has announced another default, so we choose: TLS, except for this machine.
		cfg.SSLMode = pq.SSLModeRequire
		if loopback(cfg) {
			cfg.SSLMode = pq.SSLModePrefer
		}
	}
	return cfg, nil
}

// parseURL parses a URL of libpq after its scheme. Hosts and ports become the parameters host and
// port, where lib/pq accepts lists, bare IPv6 addresses and socket paths.
func parseURL(rest string) (*url.URL, bool) {
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	authority, rest := rest[:end], rest[end:]
	at := strings.LastIndex(authority, "@") + 1
	u, err := url.Parse("postgres://" + authority[:at] + rest)
	if err != nil {
		return nil, false
	}
	// A /, ? or # of the password that is not percent-encoded ends the authority early.
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil || u.Fragment != "" || strings.Contains(u.EscapedPath(), "@") ||
		at == 0 && !query.Has("user") && !query.Has("password") && strings.Contains(u.RawQuery, "@") {
		return nil, false
	}
	if authority = authority[at:]; authority == "" {
		return u, true
	}
	var hosts, ports []string
	anyPort := false
	for one := range strings.SplitSeq(authority, ",") {
		host, port := one, ""
		if colon := strings.LastIndex(one, ":"); colon > strings.LastIndex(one, "]") {
			host, port = one[:colon], one[colon+1:]
		}
		if host, err = url.PathUnescape(host); err != nil || strings.Contains(host, ",") {
			return nil, false
		}
		hosts, ports = append(hosts, bare(host)), append(ports, cmp.Or(port, defaultPort))
		anyPort = anyPort || port != ""
	}
	if !query.Has("host") {
		query.Set("host", strings.Join(hosts, ","))
	}
	if anyPort && !query.Has("port") {
		query.Set("port", strings.Join(ports, ","))
	}
	u.RawQuery = query.Encode()
	return u, true
}

const defaultPort = "5432"

// hosts returns all hosts of a DSN.
func hosts(cfg pq.Config) []pq.ConfigMultihost {
	first := pq.ConfigMultihost{Host: cfg.Host, Hostaddr: cfg.Hostaddr, Port: cfg.Port}
	return append([]pq.ConfigMultihost{first}, cfg.Multi...)
}

// plausibleHosts accepts names, addresses and socket paths.
func plausibleHosts(cfg pq.Config) bool {
	for _, h := range hosts(cfg) {
		if _, err := netip.ParseAddr(bare(h.Host)); err != nil && !hostOrSocket.MatchString(h.Host) {
			return false
		}
	}
	return true
}

// bare removes the brackets of an IPv6 address, which lib/pq keeps.
func bare(host string) string { return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]") }

// loopback reports whether all hosts of the DSN are this machine.
func loopback(cfg pq.Config) bool {
	for _, h := range hosts(cfg) {
		addr := h.Hostaddr // if valid, the host is only the name for TLS
		if !addr.IsValid() {
			addr, _ = netip.ParseAddr(bare(h.Host))
			if h.Host == "localhost" {
				continue
			}
		}
		if !addr.IsLoopback() {
			return false
		}
	}
	return true
}

// checkTLSFiles returns a [config.Error] for TLS files of the DSN that cannot be used. lib/pq reads
// them for each connection, ignores a missing sslrootcert with sslmode=require, and continues without
// TLS with sslmode=prefer.
func checkTLSFiles(ctx context.Context, cfg pq.Config) error {
	problem := func(format string, args ...any) error {
		message := fmt.Sprintf(format, args...)
		return &config.Error{Problems: []config.Problem{{Variable: "DATABASE_URL", Rule: "tls", Message: message}}}
	}
	if cfg.SSLMode == pq.SSLModeDisable {
		return nil
	}
	for _, file := range [][2]string{{"sslrootcert", cfg.SSLRootCert}, {"sslcert", cfg.SSLCert}, {"sslkey", cfg.SSLKey}} {
		if cfg.SSLInline || file[1] == "" || file[1] == "system" {
			continue
		}
		if _, err := os.ReadFile(file[1]); err != nil {
			if e, ok := errors.AsType[*os.PathError](err); ok {
				err = e.Err // without the path, which may be a key that lacks sslinline=true
			}
			return problem("cannot read the file %s: %v", file[0], err)
		}
	}
	if cfg.SSLMode == pq.SSLModePrefer || cfg.SSLMode == pq.SSLModeAllow {
		cfg.SSLMode = pq.SSLModeRequire
	}
	cfg.Multi = nil
	c, err := pq.NewConnectorConfig(cfg)
	if err != nil {
		return errDSN
	}
	c.Dialer(closedDialer{})
	if _, err := c.Connect(ctx); !errors.Is(err, io.ErrClosedPipe) { // an error before the first write
		return problem("cannot prepare TLS: %v", err)
	}
	return nil
}

// closedDialer returns connections whose writes fail with [io.ErrClosedPipe].
type closedDialer struct{ pq.Dialer }

// DialContext implements [pq.DialerContext].
func (closedDialer) DialContext(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	return client, server.Close()
}

// Redact returns a DSN as postgres://user@host:port/database, with all hosts. It copies only these
// parts, so the result has no password or other parameter. An invalid DSN gives
// "postgres://unreadable".
func Redact(dsn string) string {
	cfg, err := parseDSN(dsn)
	if err != nil {
		return "postgres://unreadable"
	}
	var all []string
	for _, h := range hosts(cfg) {
		all = append(all, net.JoinHostPort(bare(h.Host), strconv.Itoa(int(h.Port))))
	}
	u := url.URL{Scheme: "postgres", Host: strings.Join(all, ","), Path: "/" + cfg.Database}
	if cfg.User != "" {
		u.User = url.User(cfg.User)
	}
	return u.String()
}
