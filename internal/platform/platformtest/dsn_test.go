package platformtest

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestAs(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "postgres://other:p%40ss@h:1/d?sslmode=disable", As(t, "postgres://one:canary@h:1/d?sslmode=disable", "other", "p@ss"))
	tb := try(t, func(tb *fakeTB) { As(tb, "postgres://one:can%zzary@h/d", "other", "x") })
	assert.True(t, tb.failed)
	assert.NotContains(t, tb.log, "can%zzary")
}
