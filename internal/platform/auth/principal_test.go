package auth_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

func TestPrincipalInContext(t *testing.T) {
	t.Parallel()
	_, ok := auth.PrincipalFrom(t.Context())
	require.False(t, ok)
	got, ok := auth.PrincipalFrom(auth.WithPrincipal(t.Context(), auth.Principal{UserID: user}))
	require.True(t, ok)
	require.Equal(t, user, got.UserID)
}

func TestCurrent(t *testing.T) {
	t.Parallel()
	got, err := auth.Current(t.Context())
	require.True(t, errors.HasCode(err, errors.CodeAuthRequired), "%v", err)
	require.Equal(t, auth.Principal{}, got)

	want := auth.Principal{UserID: user, Roles: []auth.Role{"owner"}}
	got, err = auth.Current(auth.WithPrincipal(t.Context(), want))
	require.NoError(t, err)
	require.Equal(t, want, got)
}
