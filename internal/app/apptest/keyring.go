package apptest

import (
	"sync"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
)

// Keyring returns a ring with an ES256 key, the same one for the whole process.
func Keyring() *auth.Keyring { return keyring() }

var keyring = sync.OnceValue(func() *auth.Keyring {
	key, err := auth.GenerateKey(auth.ES256)
	if err != nil {
		panic(err)
	}
	keys, err := auth.NewKeySet(auth.ES256, key)
	if err != nil {
		panic(err)
	}
	return auth.NewKeyring(keys)
})
