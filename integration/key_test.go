package integration

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
)

// signingKey returns a new private key in PEM.
func signingKey(t testing.TB) string {
	t.Helper()
	key, err := auth.GenerateKey(auth.RS256)
	require.NoError(t, err)
	text, err := auth.MarshalPrivateKey(key)
	require.NoError(t, err)
	return string(text)
}
