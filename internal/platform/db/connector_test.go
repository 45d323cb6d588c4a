package db_test

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

// A connection that breaks while it is opened means an unreachable server, in whatever type lib/pq reports it.
func TestConnectionThatBreaksAtOnce(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	proxy := platformtest.NewProxy(t, platformtest.Target(t, dsn))
	pool := open(t, proxy.DSN(dsn), func(c *db.Config, _ *db.Options) { c.PoolSize = 1 })
	for name, then := range map[string]func(net.Conn){
		"closed": func(c net.Conn) { _ = c.Close() },
		"reset": func(c net.Conn) {
			_ = c.(*net.TCPConn).SetLinger(0)
			_ = c.Close()
		},
		"closed after the greeting": func(c net.Conn) {
			_, _ = c.Read(make([]byte, 512))
			_ = c.Close()
		},
		"garbage": func(c net.Conn) {
			_, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			_ = c.Close()
		},
	} {
		listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				c, err := listener.Accept()
				if err != nil {
					return
				}
				then(c)
			}
		}()
		proxy.Retarget(listener.Addr().String())
		proxy.Cut() // the connections there are
		proxy.Restore()
		for range 5 {
			_, err := db.One[int](t.Context(), pool, "select $1::int", 1)
			assert.True(t, errors.HasCode(err, errors.CodeServiceUnavailable), "%s: %v", name, err)
		}
		require.NoError(t, listener.Close())
		<-done
	}
	proxy.Retarget(platformtest.Target(t, dsn))
	platformtest.Eventually(t, 10*time.Second, func() error {
		_, err := db.One[int](t.Context(), pool, "select $1::int", 1)
		return err
	})
}
