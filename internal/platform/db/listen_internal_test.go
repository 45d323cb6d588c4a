package db

import (
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pair returns the two ends of a connection.
func pair(t *testing.T) (ours *heldConn, theirs net.Conn) {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", l.Addr().String())
	require.NoError(t, err)
	theirs, err = l.Accept()
	require.NoError(t, err)
	ours = &heldConn{Conn: conn}
	t.Cleanup(func() { _, _ = ours.Close(), theirs.Close() })
	return ours, theirs
}

// After a standstill of this process every deadline has passed, while the server has done what it should.
func TestStandstillIsNoSilence(t *testing.T) {
	t.Parallel()
	ours, theirs := pair(t)
	ours.hold(10 * time.Millisecond)
	require.NoError(t, ours.SetReadDeadline(time.Now().Add(-time.Second)))
	_, err := ours.Write([]byte("question"))
	require.NoError(t, err)
	got := make([]byte, 16)
	n, err := theirs.Read(got)
	require.NoError(t, err, "what was held back is sent, however late it is")
	assert.Equal(t, "question", string(got[:n]))

	_, err = theirs.Write([]byte("answer"))
	require.NoError(t, err)
	require.NoError(t, ours.SetReadDeadline(time.Now().Add(-time.Second)))
	n, err = ours.Read(got)
	require.NoError(t, err, "what is there is read")
	assert.Equal(t, "answer", string(got[:n]))

	require.NoError(t, ours.SetReadDeadline(time.Now().Add(-time.Second)))
	_, err = ours.Read(got)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded, "silence is silence")
}
