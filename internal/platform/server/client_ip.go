package server

import (
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
	if len(proxies) == 0 {
		return echo.ExtractIPDirect()
	}
	isProxy := func(ip netip.Addr) bool {
		return slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(ip) })
	}
	direct := echo.ExtractIPDirect()
	return func(r *http.Request) string {
		at, ok := address(r.RemoteAddr)
		if !ok || !isProxy(at) {
			return direct(r)
		}
		hops := strings.Split(strings.Join(r.Header.Values(echo.HeaderXForwardedFor), ","), ",")
		for _, hop := range slices.Backward(hops) {
			before, ok := address(strings.TrimSpace(hop))
			if !ok { // no header, or a proxy that knows no better
				break
			}
			if at = before; !isProxy(at) {
				break
			}
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
