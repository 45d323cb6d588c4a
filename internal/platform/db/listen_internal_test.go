package db

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// After a suspension of this process every timer has fired, although the notification is there.
func TestSuspendedProcessIsNoSilentServer(t *testing.T) {
	t.Parallel()
	l, arrived := &listener{}, make(chan struct{}, 1)
	late := time.AfterFunc(heartbeatTimeout+lateTimeout/2, func() { arrived <- struct{}{} })
	defer late.Stop()
	assert.NoError(t, l.await(t.Context(), arrived))
	assert.ErrorIs(t, l.await(t.Context(), arrived), errNotDelivered)
}
