package cors

import (
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// The reasons to refuse a request, as the errors that refused preflights get.
var (
	notAllowed       = refusal("not_in_allowed_list")
	malformedOrigin  = refusal("malformed_origin")
	methodNotAllowed = refusal("method_not_allowed")
	headerNotAllowed = refusal("header_not_allowed")
)

func refusal(reason string) *errors.Error {
	return errors.New(errors.CodeCORSValidation, "Pages on this origin may not send such requests").With("reason", reason)
}

// policy is a compiled [Config]. Its number of origins does not change the cost of a decision,
// except for expressions.
type policy struct {
	preset      string
	any         bool            // origin may read responses
	exact       map[string]bool // origins
	patterns    map[origin]bool
	expressions []*regexp.Regexp
	credentials bool
	careful     bool // about credentials

	methods, headers  []string
	actual, preflight []header // of the responses to allowed requests
}

// header is a header of a response. Without a value it has the origin of the request.
type header struct{ name, value string }

// decision is what a policy says about a request.
type decision struct {
	origin    string // empty if the request has none
	preflight bool
	refusal   *errors.Error // nil if the request is allowed
}

func (p *policy) decide(r *http.Request) (d decision) {
	sent, method := r.Header["Origin"], r.Header["Access-Control-Request-Method"]
	if len(sent) == 0 || sent[0] == "" {
		return d
	}
	d.origin, d.preflight = sent[0], r.Method == http.MethodOptions && len(method) > 0
	switch d.refusal = p.refuse(d.origin); {
	case len(sent) > 1:
		d.refusal = malformedOrigin
	case d.refusal != nil || !d.preflight:
	case len(method) > 1 || !p.allowsMethod(method[0]):
		d.refusal = methodNotAllowed
	case !p.allowsHeaders(r.Header["Access-Control-Request-Headers"]):
		d.refusal = headerNotAllowed
	}
	return d
}

// refuse returns the reason to refuse an origin, or nil.
func (p *policy) refuse(text string) *errors.Error {
	if p.any || p.exact[text] {
		return nil
	}
	o, ok := parseOrigin(text)
	switch {
	case text == "null": // sandboxed frames, local files and redirects, of anybody
		return notAllowed
	case !ok:
		return malformedOrigin
	case len(p.patterns) > 0 && (p.patterns[origin{o.scheme, o.host, anyPort}] || p.allowsSubdomain(o)),
		slices.ContainsFunc(p.expressions, func(e *regexp.Regexp) bool { return e.MatchString(text) }):
		return nil
	}
	return notAllowed
}

// allowsSubdomain looks for a wildcard of a domain above the origin's. With credentials, there must
// be no public suffix between them: *.amazonaws.com would contain everybody's buckets.
func (p *policy) allowsSubdomain(o origin) bool {
	for i := range o.host {
		if above := o.host[i:]; above[0] == '.' && p.patterns[origin{o.scheme, above, o.port}] {
			suffix, _ := publicsuffix.PublicSuffix(o.host)
			return !p.careful || len(suffix) < len(above)
		}
	}
	return false
}

// allowsMethod accepts the methods that need no preflight in any case.
func (p *policy) allowsMethod(method string) bool {
	return method == "GET" || method == "HEAD" || method == "POST" || slices.Contains(p.methods, method) ||
		slices.Contains(p.methods, "*")
}

// allowsHeaders limits the size of the lists, and thereby its work. The wildcard does not cover
// Authorization.
func (p *policy) allowsHeaders(lines []string) bool {
	size, wildcard := 0, slices.Contains(p.headers, "*")
	for _, line := range lines {
		if size += len(line) + 1; size > 8<<10 {
			return false
		}
		for name := range strings.SplitSeq(line, ",") {
			name = strings.Trim(name, " \t")
			same := func(allowed string) bool { return strings.EqualFold(allowed, name) }
			if name != "" && (!wildcard || same("Authorization")) && !slices.ContainsFunc(p.headers, same) {
				return false
			}
		}
	}
	return true
}

const maxOrigin = 64 + len("://") + 253 + len(":65535") // of a scheme and a host (RFC 1035)

// origin is an origin as browsers serialize it, or a pattern: a host that begins with a dot stands
// for its subdomains. The port is empty if it is the scheme's default.
type origin struct{ scheme, host, port string }

const anyPort = "*" // as the port of a pattern, also for no port

func (o origin) isPattern() bool { return o.port == anyPort || strings.HasPrefix(o.host, ".") }

func parseOrigin(text string) (o origin, ok bool) {
	if len(text) > maxOrigin {
		return o, false
	}
	o.scheme, o.host, ok = strings.Cut(text, "://")
	if i := strings.LastIndexByte(o.host, ':'); i > strings.LastIndexByte(o.host, ']') {
		o.host, o.port = o.host[:i], o.host[i+1:]
		n, err := strconv.ParseUint(o.port, 10, 16)
		standard := o.scheme == "http" && n == 80 || o.scheme == "https" && n == 443
		ok = ok && err == nil && n > 0 && o.port[0] != '0' && !standard
	}
	return o, ok && only(o.scheme, "+-.") && isHost(o.host)
}

// only reports whether s is not empty and consists of a-z, 0-9 and the bytes of others.
func only(s, others string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && strings.IndexByte(others, c) < 0 {
			return false
		}
	}
	return s != ""
}

// isHost accepts a domain in lower case, and an IP address as browsers write it.
func isHost(s string) bool {
	if !isAddress(s) {
		return len(s) <= 253 && only(s, "-_.") && s[0] != '.' && !strings.HasSuffix(s, ".") && !strings.Contains(s, "..")
	}
	ip, err := netip.ParseAddr(strings.Trim(s, "[]"))
	return err == nil && ip.Zone() == "" &&
		(ip.Is4() && ip.String() == s || ip.Is6() && !ip.Is4In6() && "["+ip.String()+"]" == s)
}

// isAddress reports whether browsers take a host for an IP address: an IPv4 address is one whose
// last label begins with a digit.
func isAddress(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	return strings.HasPrefix(host, "[") || last != "" && last[0] <= '9'
}

func isLoopback(host string) bool {
	return host == "localhost" || host == "127.0.0.1" || host == "[::1]" || strings.HasSuffix(host, ".localhost")
}
