//go:build unix

package embedded

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A child that is being made has the lock file open too, for a moment. That must not keep the directory locked.
func TestLockIsReleasedWhileAChildHasTheFile(t *testing.T) {
	t.Parallel()
	dir := layout(t.TempDir())
	lock, err := acquire(dir)
	require.NoError(t, err)
	child, err := syscall.Dup(int(lock.Fd()))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, syscall.Close(child)) })
	_, err = acquire(dir)
	require.ErrorIs(t, err, ErrInUse)
	require.NoError(t, release(lock))
	again, err := acquire(dir)
	require.NoError(t, err)
	require.NoError(t, release(again))
}
