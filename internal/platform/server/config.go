package server

import (
	"net"
	"strconv"
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
)

// Config holds the addresses and limits of the HTTP server. The zero value is not usable; read it
// with [config.Load].
type Config struct {
	config.Base

	Addr      string `env:"HTTP_ADDR" env-description:"listen address of the API; when empty, 127.0.0.1:8080 in development, else :8080"`
	AdminAddr string `env:"ADMIN_ADDR" env-default:"127.0.0.1:9090" env-empty:"allow" env-description:"listen address of /metrics and /debug/pprof; empty disables them"`

	ReadHeaderTimeout time.Duration `env:"HTTP_READ_HEADER_TIMEOUT" env-default:"5s" env-rule:"range=1ms.." env-description:"maximum time to read the headers of a request"`
	ReadTimeout       time.Duration `env:"HTTP_READ_TIMEOUT" env-default:"15s" env-rule:"range=1ms.." env-description:"maximum time to read a request, including its body"`
	WriteTimeout      time.Duration `env:"HTTP_WRITE_TIMEOUT" env-default:"60s" env-rule:"range=1ms.." env-description:"maximum time from the headers of a request to the end of the response, except for streams"`
	IdleTimeout       time.Duration `env:"HTTP_IDLE_TIMEOUT" env-default:"120s" env-rule:"range=1ms.." env-description:"maximum idle time of a connection between requests"`
	RequestTimeout    time.Duration `env:"HTTP_REQUEST_TIMEOUT" env-default:"30s" env-rule:"range=1ms.." env-description:"maximum time to process a request, after which the response is 504"`
	ShutdownTimeout   time.Duration `env:"HTTP_SHUTDOWN_TIMEOUT" env-default:"25s" env-rule:"range=1ms.." env-description:"maximum time to finish open requests during shutdown"`
	ShutdownDelay     time.Duration `env:"HTTP_SHUTDOWN_DELAY" env-default:"0s" env-rule:"range=0s.." env-description:"delay between reporting unready and draining"`

	BodyLimit      config.Bytes `env:"HTTP_BODY_LIMIT" env-default:"1MiB" env-rule:"range=1B.." env-description:"maximum size of a request body"`
	BodyBudget     config.Bytes `env:"HTTP_BODY_BUDGET" env-default:"64MiB" env-rule:"range=1B.." env-description:"maximum size of all request bodies that are being processed; beyond it the response is 503"`
	TrustedProxies []string     `env:"HTTP_TRUSTED_PROXIES" env-description:"CIDR blocks of proxies whose X-Forwarded-For is trusted; behind any other proxy all clients share one address and its login lockout"`
}

// Validate reports invalid addresses, timeouts and proxy networks, and sets the default of Addr.
func (c *Config) Validate(report func(variable, rule, message string)) {
	switch {
	case c.Addr != "":
	case c.IsDevelopment(): // the service has a generated key and perhaps no password on its database
		c.Addr = "127.0.0.1:8080"
	default:
		c.Addr = ":8080"
	}
	checkAddr(report, "HTTP_ADDR", c.Addr)
	if c.AdminAddr != "" {
		checkAddr(report, "ADMIN_ADDR", c.AdminAddr)
		if _, port, err := net.SplitHostPort(c.Addr); err == nil && port != "0" && c.AdminAddr == c.Addr {
			report("ADMIN_ADDR", "distinct", "must differ from HTTP_ADDR")
		}
	}
	if c.WriteTimeout <= c.RequestTimeout {
		report("HTTP_WRITE_TIMEOUT", "order", "must be longer than HTTP_REQUEST_TIMEOUT, or its 504 response cannot be sent")
	}
	if c.BodyBudget < c.BodyLimit {
		report("HTTP_BODY_BUDGET", "order", "must be at least HTTP_BODY_LIMIT")
	}
	for _, cidr := range c.TrustedProxies {
		prefix, err := parsePrefix(cidr)
		switch {
		case err != nil:
			report("HTTP_TRUSTED_PROXIES", "cidr", "must be a list of CIDR blocks such as 10.0.0.0/8")
		case prefix.Bits() == 0:
			report("HTTP_TRUSTED_PROXIES", "cidr", "must not contain a block of all addresses, which would trust every client")
		}
	}
}

func checkAddr(report func(variable, rule, message string), variable, addr string) {
	if _, port, err := net.SplitHostPort(addr); err == nil {
		if _, err = strconv.ParseUint(port, 10, 16); err == nil {
			return
		}
	}
	report(variable, "address", "must be HOST:PORT such as :8080 or 127.0.0.1:8080")
}
