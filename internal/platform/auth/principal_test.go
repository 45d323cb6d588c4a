package auth_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
)

func TestPrincipalInContext(t *testing.T) {
	t.Parallel()
	_, ok := auth.PrincipalFrom(t.Context())
	require.False(t, ok)
	got, ok := auth.PrincipalFrom(auth.WithPrincipal(t.Context(), auth.Principal{UserID: user}))
	require.True(t, ok)
	require.Equal(t, user, got.UserID)
}
