package auth

import "sync/atomic"

// Keyring holds the keys that are in use now. An [Issuer], a [Verifier] and [JWKS] read it at every call, so that keys can
// be changed while the service runs. It is safe for concurrent use.
//
// Keys are changed in three steps, each on all replicas before the next is taken: the new public key is added to those that
// verify, so that every replica and every reader of the JWKS knows it; the new key signs and the old one stays among those
// that verify; once the longest access token has ended, the old one is dropped.
type Keyring struct{ current atomic.Pointer[KeySet] }

// NewKeyring returns a ring that holds keys.
func NewKeyring(keys *KeySet) *Keyring {
	r := &Keyring{}
	r.Swap(keys)
	return r
}

// Keys returns the keys in use, nil only for a ring that was made with none.
func (r *Keyring) Keys() *KeySet {
	if r == nil {
		return nil
	}
	return r.current.Load()
}

// Swap puts keys in place of those in use, for every call that begins from now on. Tokens of a key that keys do not hold
// are refused at once, also those that were verified before. Nil changes nothing: a service is never without keys.
func (r *Keyring) Swap(keys *KeySet) {
	if keys != nil {
		r.current.Store(keys)
	}
}
