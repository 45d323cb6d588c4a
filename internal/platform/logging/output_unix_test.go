//go:build unix

package logging_test

import (
	"bytes"
	"io"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

func TestOnlyStandardFilesAreWrittenAround(t *testing.T) {
	t.Parallel()
	assert.NotEqual(t, io.Writer(os.Stdout), logging.WithoutSignal(os.Stdout))
	assert.NotEqual(t, io.Writer(os.Stderr), logging.WithoutSignal(os.Stderr))
	assert.Equal(t, io.Writer(os.Stdin), logging.WithoutSignal(os.Stdin))
	out := &record{}
	assert.Equal(t, io.Writer(out), logging.WithoutSignal(out))
	file, err := os.Open(os.DevNull)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	assert.Equal(t, io.Writer(file), logging.WithoutSignal(file), "one that is closed")
	assert.Equal(t, io.Writer((*os.File)(nil)), logging.WithoutSignal((*os.File)(nil)))
}

func TestDescriptor(t *testing.T) { // not parallel: it counts allocations
	read, write, err := os.Pipe()
	require.NoError(t, err)
	conn, err := write.SyscallConn()
	require.NoError(t, err)
	d := logging.NewDescriptor(conn)
	want := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // more than a pipe holds
	got := make(chan []byte)
	go func() {
		b := make([]byte, len(want))
		_, _ = io.ReadFull(read, b)
		got <- b
	}()
	n, err := d.Write(want)
	require.NoError(t, err)
	assert.Equal(t, len(want), n)
	assert.True(t, bytes.Equal(want, <-got))

	assert.LessOrEqual(t, testing.AllocsPerRun(100, func() { _, _ = d.Write(nil) }), maxAllocs-2, "it does not allocate")

	require.NoError(t, read.Close())
	n, err = d.Write([]byte("x"))
	require.ErrorIs(t, err, syscall.EPIPE)
	assert.Zero(t, n)
	require.NoError(t, write.Close())
	_, err = d.Write([]byte("x"))
	assert.Error(t, err)
}
