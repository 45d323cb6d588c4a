package platformtest_test

import (
	"context"
	"database/sql"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

// echo starts a server that returns its input.
func echo(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(conn, conn)
				_ = conn.Close()
			}()
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
	return listener.Addr().String()
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// say sends a word and returns the answer.
func say(conn net.Conn, word string, within time.Duration) (string, error) {
	if err := conn.SetDeadline(time.Now().Add(within)); err != nil {
		return "", err
	}
	if _, err := io.WriteString(conn, word); err != nil {
		return "", err
	}
	answer := make([]byte, len(word))
	n, err := io.ReadFull(conn, answer)
	return string(answer[:n]), err
}

// requireRefused also accepts a connection that is reset at once: the kernel accepts it before the proxy can.
func requireRefused(t *testing.T, addr string) {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	if err == nil {
		_, err = say(conn, "word", 5*time.Second)
		require.NoError(t, conn.Close())
	}
	require.Error(t, err)
}

func TestProxyCountsRoundTrips(t *testing.T) {
	t.Parallel()
	p := platformtest.NewProxy(t, echo(t))
	conn := dial(t, p.Addr())
	for i := range 3 {
		answer, err := say(conn, "word", 5*time.Second)
		require.NoError(t, err)
		assert.Equal(t, "word", answer)
		assert.EqualValues(t, i+1, p.RoundTrips())
	}
	assert.Equal(t, 1, p.Connections())
}

func TestProxyForwardsTheEnd(t *testing.T) {
	t.Parallel()
	p := platformtest.NewProxy(t, echo(t))
	conn, ok := dial(t, p.Addr()).(*net.TCPConn)
	require.True(t, ok)
	_, err := io.WriteString(conn, "last words")
	require.NoError(t, err)
	require.NoError(t, conn.CloseWrite())
	answer, err := io.ReadAll(conn)
	require.NoError(t, err)
	assert.Equal(t, "last words", string(answer), "the answer comes through after the client has ended its part")
	platformtest.Eventually(t, 5*time.Second, func() error {
		if n := p.Connections(); n != 0 {
			return errors.Sentinel("a connection is left")
		}
		return nil
	})
}

func TestProxyForwardsACrash(t *testing.T) {
	t.Parallel()
	p := platformtest.NewProxy(t, echo(t))
	conn, ok := dial(t, p.Addr()).(*net.TCPConn)
	require.True(t, ok)
	_, err := say(conn, "word", 5*time.Second)
	require.NoError(t, err)
	require.NoError(t, conn.SetLinger(0))
	require.NoError(t, conn.Close())
	platformtest.Eventually(t, 5*time.Second, func() error {
		if n := p.Connections(); n != 0 {
			return errors.Sentinel("a connection is left")
		}
		return nil
	})
}

func TestProxyCuts(t *testing.T) {
	t.Parallel()
	p := platformtest.NewProxy(t, echo(t))
	conn := dial(t, p.Addr())
	_, err := say(conn, "word", 5*time.Second)
	require.NoError(t, err)
	p.Cut()
	_, err = say(conn, "word", 5*time.Second)
	require.Error(t, err)
	requireRefused(t, p.Addr())

	p.Restore()
	answer, err := say(dial(t, p.Addr()), "again", 5*time.Second)
	require.NoError(t, err)
	assert.Equal(t, "again", answer)
}

func TestProxyStalls(t *testing.T) {
	t.Parallel()
	p := platformtest.NewProxy(t, echo(t))
	old := dial(t, p.Addr())
	_, err := say(old, "word", 5*time.Second)
	require.NoError(t, err)
	p.Stall()
	p.Stall()
	fresh := dial(t, p.Addr())
	for _, conn := range []net.Conn{old, fresh} {
		_, err = say(conn, "held", 20*time.Millisecond)
		timeout, ok := errors.AsType[net.Error](err)
		require.True(t, ok && timeout.Timeout(), "%v", err)
	}
	p.Restore()
	for _, conn := range []net.Conn{old, fresh} {
		require.NoError(t, conn.SetDeadline(time.Now().Add(5*time.Second)))
		answer := make([]byte, 4)
		_, err = io.ReadFull(conn, answer)
		require.NoError(t, err)
		assert.Equal(t, "held", string(answer))
	}
	p.Stall()
	p.Cut() // a stalled connection can be cut
	_, err = say(old, "word", 5*time.Second)
	require.Error(t, err)
}

func TestProxyWithoutTarget(t *testing.T) {
	t.Parallel()
	closed, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	for _, addr := range []string{closed.Addr().String(), "127.0.0.1:nothing"} {
		requireRefused(t, platformtest.NewProxy(t, addr).Addr())
	}
}

func TestProxyInFrontOfPostgreSQL(t *testing.T) {
	t.Parallel()
	dsn := platformtest.Database(t, platformtest.Template{Name: "proxy"})
	p := platformtest.NewProxy(t, platformtest.Target(t, dsn))
	assert.Equal(t, "1", value(t, p.DSN(dsn), "select 1"))
	assert.Positive(t, p.RoundTrips())
}

func TestEventually(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	platformtest.Eventually(t, 5*time.Second, func() error {
		if ctx.Err() == nil {
			return errors.Sentinel("too early")
		}
		return nil
	})
}

func BenchmarkProxyRoundTrip(b *testing.B) {
	listener, err := (&net.ListenConfig{}).Listen(b.Context(), "tcp", "127.0.0.1:0")
	require.NoError(b, err)
	defer listener.Close() //nolint:errcheck // the end of the benchmark
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			_, _ = io.Copy(conn, conn)
		}
	}()
	conn, err := (&net.Dialer{}).DialContext(b.Context(), "tcp", platformtest.NewProxy(b, listener.Addr().String()).Addr())
	require.NoError(b, err)
	defer conn.Close() //nolint:errcheck // the end of the benchmark
	for b.Loop() {
		if _, err := say(conn, "word", 5*time.Second); err != nil {
			b.Fatal(err)
		}
	}
}

func TestProxyDelays(t *testing.T) {
	t.Parallel()
	p := platformtest.NewProxy(t, echo(t))
	conn := dial(t, p.Addr())
	p.Delay(50 * time.Millisecond)
	start := time.Now()
	_, err := say(conn, "word", 5*time.Second)
	require.NoError(t, err)
	assert.GreaterOrEqual(t, time.Since(start), 100*time.Millisecond, "in both directions")
	p.Restore()
}

func TestProxyLosesCommits(t *testing.T) {
	t.Parallel()
	dsn := platformtest.Database(t, platformtest.Template{Name: "empty"})
	p := platformtest.NewProxy(t, platformtest.Target(t, dsn))
	pool, err := sql.Open("postgres", p.DSN(dsn))
	require.NoError(t, err)
	defer func() { require.NoError(t, pool.Close()) }()
	_, err = pool.ExecContext(t.Context(), "create table kept (id int)")
	require.NoError(t, err)
	p.LoseCommits()
	tx, err := pool.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = tx.ExecContext(t.Context(), "insert into kept values (1)")
	require.NoError(t, err, "only COMMIT is lost")
	require.Error(t, tx.Commit())
	var n int
	require.NoError(t, pool.QueryRowContext(t.Context(), "select count(*) from kept").Scan(&n))
	assert.Equal(t, 1, n, "it is committed")
	p.Restore()
	tx, err = pool.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	require.NoError(t, tx.Commit())
}
