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

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

func TestWithoutSignalAppliesToStandardFilesOnly(t *testing.T) {
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

// Another process with the same pipe may have made it non-blocking, after package os looked.
func TestDescriptorWaitsForNonblockingPipe(t *testing.T) {
	t.Parallel()
	var ends [2]int
	require.NoError(t, syscall.Pipe(ends[:]))
	read, write := os.NewFile(uintptr(ends[0]), "read"), os.NewFile(uintptr(ends[1]), "write")
	require.NoError(t, syscall.SetNonblock(ends[1], true))
	conn, err := write.SyscallConn()
	require.NoError(t, err)
	want := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // more than a pipe holds
	failed := make(chan error, 1)
	go func() {
		_, err := logging.NewDescriptor(conn).Write(want)
		failed <- errors.Join(err, write.Close())
	}()
	got, err := io.ReadAll(read)
	require.NoError(t, err)
	require.NoError(t, <-failed)
	assert.True(t, bytes.Equal(want, got), "%d of %d bytes arrive", len(got), len(want))
	require.NoError(t, read.Close())
}
