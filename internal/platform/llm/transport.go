package llm

import (
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

const (
	// maxHeaderWait ends requests whose ctx has no deadline. A provider that does not stream sends
	// headers when the answer is complete.
	maxHeaderWait = 10 * time.Minute
	maxIdle       = 100 // connections to a provider
	maxErrorBody  = 64 << 10
	maxAnswer     = 32 << 20
	maxRetryAfter = time.Hour
	pingAfter     = 15 * time.Second // without a frame on an HTTP/2 connection
	pingTimeout   = 10 * time.Second
)

var errTooLarge = errors.Sentinel("llm: the answer has more than 32 MiB")

// NewHTTPClient returns the client of an adapter. It has no timeout, because a stream may be long:
// the deadline of a request is that of its context. It follows no redirects, because those would
// carry the API key to another host.
func NewHTTPClient() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone() //nolint:errcheck // fails at start if the type changes
	t.MaxIdleConns, t.MaxIdleConnsPerHost = 0, maxIdle
	t.ResponseHeaderTimeout = maxHeaderWait
	// Without pings, requests hang on a dead connection until TCP gives up after 15 minutes.
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout}
	return &http.Client{
		Transport:     t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// body bounds a response.
type body struct {
	io.ReadCloser
	left  int
	over  error // after left bytes
	first [1]byte
	ahead bool // first was read ahead
}

func (b *body) Read(p []byte) (int, error) {
	if b.ahead && len(p) > 0 {
		b.ahead = false
		p[0] = b.first[0]
		n, err := b.Read(p[1:])
		return 1 + n, err
	}
	if b.left == 0 {
		return 0, b.over
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	if err != nil && err != io.EOF { //nolint:errorlint // Read returns EOF itself
		err = fmt.Errorf("%w: %w", io.ErrUnexpectedEOF, err)
	}
	return n, err
}

// peek returns the first byte that is no space, or zero if there is none, without taking it.
func (b *body) peek() byte {
	for {
		if _, err := io.ReadFull(b, b.first[:]); err != nil {
			return 0
		}
		if strings.IndexByte(" \t\r\n", b.first[0]) < 0 {
			b.ahead = true
			return b.first[0]
		}
	}
}

// retryAfter returns how long the provider wants to be left alone, at most an hour; zero if it does
// not say.
func retryAfter(h http.Header) time.Duration {
	for _, form := range [...]struct {
		header string
		unit   time.Duration
	}{
		{"Retry-After-Ms", time.Millisecond}, {"X-Ms-Retry-After-Ms", time.Millisecond}, {"Retry-After", time.Second},
	} {
		number, err := strconv.ParseFloat(h.Get(form.header), 64)
		if err == nil && number > 0 { // not NaN
			return time.Duration(min(number*float64(form.unit), float64(maxRetryAfter)))
		}
	}
	date, err := http.ParseTime(h.Get("Retry-After"))
	if err != nil {
		return 0
	}
	return min(max(time.Until(date), 0), maxRetryAfter)
}

// CheckBaseURL returns what is wrong with the base URL of a provider, for Validate, or "". An API
// key goes there, so plain http is only for private networks: loopback and private addresses, names
// without a dot, and the domains localhost, local and internal.
func CheckBaseURL(text string) string {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "",
		u.RawQuery != "" || u.Fragment != "":
		return "must be a URL such as https://api.example.com/v1, without a query"
	case u.User != nil:
		return "must not have credentials (the API key has a variable of its own)"
	case u.Scheme == "http" && !privateHost(u.Hostname()):
		return "must be https, because the API key would cross the internet in plain text"
	}
	return ""
}

func privateHost(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast()
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	domain := host[strings.LastIndexByte(host, '.')+1:]
	return domain == host || domain == "localhost" || domain == "local" || domain == "internal"
}
