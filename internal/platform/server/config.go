package server

import (
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
)

// Config holds the limits of the HTTP server. Read it with [config.Load]; the zero value serves nothing.
type Config struct {
	config.Base

	Addr      string `env:"HTTP_ADDR" env-default:":8080" env-rule:"required" env-description:"host:port of the API"`
	AdminAddr string `env:"ADMIN_ADDR" env-default:"127.0.0.1:9090" env-empty:"allow" env-description:"host:port of /metrics and /debug/pprof; empty turns it off"`

	ReadHeaderTimeout time.Duration `env:"HTTP_READ_HEADER_TIMEOUT" env-default:"5s" env-description:"longest wait for the headers of a request"`
	ReadTimeout       time.Duration `env:"HTTP_READ_TIMEOUT" env-default:"15s" env-description:"longest wait for a whole request, body included"`
	WriteTimeout      time.Duration `env:"HTTP_WRITE_TIMEOUT" env-default:"60s" env-description:"from the headers of a request to the end of its answer; streams outlive it"`
	IdleTimeout       time.Duration `env:"HTTP_IDLE_TIMEOUT" env-default:"120s" env-description:"life of a connection between two requests"`
	RequestTimeout    time.Duration `env:"HTTP_REQUEST_TIMEOUT" env-default:"30s" env-description:"longest work on one request; then the answer is 504"`
	ShutdownTimeout   time.Duration `env:"HTTP_SHUTDOWN_TIMEOUT" env-default:"25s" env-description:"longest wait for requests in flight at shutdown"`
	ShutdownDelay     time.Duration `env:"HTTP_SHUTDOWN_DELAY" env-default:"0s" env-description:"how long to serve on after readiness went off"`

	BodyLimit      config.Bytes `env:"HTTP_BODY_LIMIT" env-default:"1MiB" env-description:"largest request body"`
	TrustedProxies []string     `env:"HTTP_TRUSTED_PROXIES" env-description:"CIDR list of the proxies whose X-Forwarded-For is believed; behind a proxy that is not in it all clients have one address, and one lockout"`
}

// Validate adds to p what is wrong with the addresses, the timeouts and the list of proxies.
func (c *Config) Validate(p *config.Problems) {
	checkAddr(p, "HTTP_ADDR", c.Addr)
	if c.AdminAddr != "" {
		checkAddr(p, "ADMIN_ADDR", c.AdminAddr)
		if _, port, err := net.SplitHostPort(c.Addr); err == nil && port != "0" && c.AdminAddr == c.Addr {
			p.Add("ADMIN_ADDR", "distinct", "must differ from HTTP_ADDR")
		}
	}
	for variable, d := range map[string]time.Duration{
		"HTTP_READ_HEADER_TIMEOUT": c.ReadHeaderTimeout,
		"HTTP_READ_TIMEOUT":        c.ReadTimeout,
		"HTTP_WRITE_TIMEOUT":       c.WriteTimeout,
		"HTTP_IDLE_TIMEOUT":        c.IdleTimeout,
		"HTTP_REQUEST_TIMEOUT":     c.RequestTimeout,
		"HTTP_SHUTDOWN_TIMEOUT":    c.ShutdownTimeout,
	} {
		if d <= 0 {
			p.Add(variable, "positive", "must be more than 0s")
		}
	}
	if c.ShutdownDelay < 0 {
		p.Add("HTTP_SHUTDOWN_DELAY", "positive", "must not be negative")
	}
	if c.WriteTimeout <= c.RequestTimeout && p.Readable("HTTP_REQUEST_TIMEOUT") {
		p.Add("HTTP_WRITE_TIMEOUT", "order", "must be longer than HTTP_REQUEST_TIMEOUT, else nobody reads the 504")
	}
	if c.BodyLimit <= 0 {
		p.Add("HTTP_BODY_LIMIT", "positive", "must be more than 0 bytes")
	}
	for _, cidr := range c.TrustedProxies {
		prefix, err := netip.ParsePrefix(cidr)
		switch {
		case err != nil:
			p.Add("HTTP_TRUSTED_PROXIES", "cidr", "must be a list of CIDR blocks such as 10.0.0.0/8")
		case prefix.Bits() == 0:
			p.Add("HTTP_TRUSTED_PROXIES", "cidr", "must not hold a block of the whole internet, which would believe anybody")
		}
	}
}

func checkAddr(p *config.Problems, variable, addr string) {
	if _, port, err := net.SplitHostPort(addr); err == nil {
		if _, err = strconv.ParseUint(port, 10, 16); err == nil {
			return
		}
	}
	p.Add(variable, "address", "must be host:port, such as :8080 or 127.0.0.1:8080")
}
