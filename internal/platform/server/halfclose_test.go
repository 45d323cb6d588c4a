package server_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A client that closes its half of the connection after its request gets the answer. One that has
// gone looks the same, so its request ends soon, but not at once.
func TestClientThatHalfCloses(t *testing.T) {
	t.Parallel()
	route := newBlockingRoute()
	r := start(t, settings(t), func(e *echo.Echo) {
		e.POST("/slow", func(c echo.Context) error {
			if _, err := io.ReadAll(c.Request().Body); err != nil {
				return err
			}
			return route.handle(c)
		})
		e.POST("/soon", func(c echo.Context) error {
			select {
			case <-time.After(200 * time.Millisecond):
				return c.String(http.StatusOK, "done")
			case <-c.Request().Context().Done():
				return c.Request().Context().Err()
			}
		})
	})
	send := func(request string) *net.TCPConn {
		conn, err := net.Dial("tcp", r.Addr().String())
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		_, err = io.WriteString(conn, request)
		require.NoError(t, err)
		require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
		return conn.(*net.TCPConn)
	}
	for name, request := range map[string]string{
		"without a body": "POST /soon HTTP/1.1\r\nHost: x\r\n\r\n",
		"with a body":    "POST /soon HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody",
		"chunked":        "POST /soon HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
		"HTTP/1.0":       "POST /soon HTTP/1.0\r\nContent-Length: 4\r\n\r\nbody",
	} {
		conn := send(request)
		require.NoError(t, conn.CloseWrite())
		begin := time.Now()
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err, name)
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		require.NoError(t, err)
		assert.Equal(t, "200 done", fmt.Sprint(res.StatusCode, " ", string(body)), name)
		_, err = conn.Read(make([]byte, 1))
		assert.ErrorIs(t, err, io.EOF, "the connection is closed after the answer")
		assert.Less(t, time.Since(begin), 900*time.Millisecond, "%s: the end of the request is not waited for", name)
	}

	for _, request := range []string{
		"POST /slow HTTP/1.1\r\nHost: x\r\n\r\n", "POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody",
	} {
		begin := time.Now()
		require.NoError(t, send(request).Close())
		<-route.started
		select {
		case cause := <-route.cause:
			require.ErrorContains(t, cause, "canceled")
		case <-time.After(10 * time.Second):
			t.Fatal("the request goes on without its client")
		}
		assert.InDelta(t, 1, time.Since(begin).Seconds(), 0.5, request)
	}
}
