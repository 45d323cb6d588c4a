package server

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
)

// clientIP believes X-Forwarded-For only where the connection comes from a trusted proxy, and there up to the first
// address, read from the right, that is not one. Without trusted proxies it is the address of the connection.
//
// It is not Echo's extractor, which does not read an address with a port, as some proxies write it, and then takes the proxy for
// the client: everybody behind it would share one rate limit and one lockout.
func clientIP(trusted []string) echo.IPExtractor {
	var proxies []netip.Prefix
	for _, cidr := range trusted {
		if prefix, err := netip.ParsePrefix(cidr); err == nil { // Config.Validate has refused the others
			proxies = append(proxies, prefix.Masked())
		}
	}
	isProxy := func(ip netip.Addr) bool {
		return slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(ip) })
	}
	return func(r *http.Request) string {
		at, ok := address(r.RemoteAddr)
		if !ok {
			return host(r.RemoteAddr)
		}
		hops := strings.Split(strings.Join(r.Header.Values(echo.HeaderXForwardedFor), ","), ",")
		for _, hop := range slices.Backward(hops) {
			if !isProxy(at) {
				break
			}
			before, ok := address(strings.TrimSpace(hop))
			if !ok { // no header, or a proxy that knows no better
				break
			}
			at = before
		}
		return at.String()
	}
}

// address reads an address with or without a port.
func address(text string) (netip.Addr, bool) {
	if withPort, err := netip.ParseAddrPort(text); err == nil {
		return withPort.Addr().Unmap().WithZone(""), true
	}
	ip, err := netip.ParseAddr(strings.Trim(text, "[]"))
	return ip.Unmap().WithZone(""), err == nil
}

// host is what there is of an address that is none, such as that of a Unix socket.
func host(remote string) string {
	if name, _, err := net.SplitHostPort(remote); err == nil {
		return name
	}
	return remote
}
