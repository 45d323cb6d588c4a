package server_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/server"
)

func TestForwardedForIsBelievedFromTrustedProxiesOnly(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		trusted      []string
		remote, sent string
		want         string
	}{
		"nobody trusted":            {nil, "10.0.0.1:1", "1.2.3.4", "10.0.0.1"},
		"nobody, from loopback":     {nil, "127.0.0.1:1", "1.2.3.4", "127.0.0.1"},
		"another block":             {[]string{"192.168.0.0/16"}, "10.0.0.1:1", "1.2.3.4", "10.0.0.1"},
		"loopback is not implied":   {[]string{"192.168.0.0/16"}, "127.0.0.1:1", "1.2.3.4", "127.0.0.1"},
		"trusted":                   {[]string{"10.0.0.0/8"}, "10.0.0.1:1", "1.2.3.4", "1.2.3.4"},
		"two proxies":               {[]string{"10.0.0.0/8"}, "10.0.0.1:1", "1.2.3.4, 10.9.9.9", "1.2.3.4"},
		"what the client made up":   {[]string{"10.0.0.0/8"}, "10.0.0.1:1", "6.6.6.6, 1.2.3.4", "1.2.3.4"},
		"private client not passed": {[]string{"10.0.0.0/24"}, "10.0.0.1:1", "6.6.6.6, 10.1.1.1", "10.1.1.1"},
		"no header":                 {[]string{"10.0.0.0/8"}, "10.0.0.1:1", "", "10.0.0.1"},
		"IPv6":                      {[]string{"fd00::/8"}, "[fd00::1]:1", "2001:db8::7", "2001:db8::7"},
		"a port":                    {[]string{"10.0.0.0/8"}, "10.0.0.1:1", "1.2.3.4:5123, 10.9.9.9:80", "1.2.3.4"},
		"IPv6 and a port":           {[]string{"fd00::/8"}, "[fd00::1]:1", "[2001:db8::7]:5123", "2001:db8::7"},
		"IPv6 in brackets":          {[]string{"fd00::/8"}, "[fd00::1]:1", "[2001:db8::7]", "2001:db8::7"},
		"IPv4 in IPv6":              {[]string{"10.0.0.0/8"}, "[::ffff:10.0.0.1]:1", "::ffff:1.2.3.4", "1.2.3.4"},
		"a zone":                    {[]string{"fe80::/10"}, "[fe80::1%eth0]:1", "1.2.3.4", "1.2.3.4"},
		"no address":                {[]string{"10.0.0.0/8"}, "10.0.0.1:1", "1.2.3.4, unknown", "10.0.0.1"},
		"only proxies":              {[]string{"10.0.0.0/8"}, "10.0.0.1:1", "10.2.2.2, 10.3.3.3", "10.2.2.2"},
		"a Unix socket":             {[]string{"10.0.0.0/8"}, "@", "1.2.3.4", ""},
	}
	for name, tt := range tests {
		cfg := settings(t)
		cfg.TrustedProxies = tt.trusted
		log, _ := newLog(t)
		e := server.NewEcho(cfg, log)
		e.GET("/", func(c echo.Context) error { return c.String(http.StatusOK, c.RealIP()) })
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.RemoteAddr = tt.remote
		if tt.sent != "" {
			r.Header.Set("X-Forwarded-For", tt.sent)
		}
		r.Header.Set("X-Real-IP", "6.6.6.6")
		r.Header.Set("Forwarded", "for=6.6.6.6")
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		assert.Equal(t, tt.want, w.Body.String(), name)
	}
}

func TestForwardedForInSeveralHeaders(t *testing.T) {
	t.Parallel()
	cfg := settings(t)
	cfg.TrustedProxies = []string{"10.0.0.0/8"}
	log, _ := newLog(t)
	e := server.NewEcho(cfg, log)
	e.GET("/", func(c echo.Context) error { return c.String(http.StatusOK, c.RealIP()) })
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.RemoteAddr = "10.0.0.1:1"
	r.Header["X-Forwarded-For"] = []string{"6.6.6.6", "1.2.3.4", "10.9.9.9"}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	assert.Equal(t, "1.2.3.4", w.Body.String())
}

func FuzzClientIP(f *testing.F) {
	f.Add("1.2.3.4, 10.9.9.9:80")
	f.Add("[2001:db8::7]:5123")
	f.Add(",,unknown, [::1%eth0]")
	extract := server.ClientIP([]string{"10.0.0.0/8", "fd00::/8"})
	f.Fuzz(func(t *testing.T, forwarded string) {
		r := &http.Request{RemoteAddr: "10.0.0.1:1", Header: http.Header{"X-Forwarded-For": {forwarded}}}
		_, err := netip.ParseAddr(extract(r))
		require.NoError(t, err, "whatever is sent, an address comes out")
		r.RemoteAddr = "192.0.2.1:1"
		require.Equal(t, "192.0.2.1", extract(r), "who is no proxy is not believed")
	})
}
