// Package apikeys is the keys that programs act with in place of a person. A key belongs to a member of a tenant and can do
// what its scopes say, as far as the role of that member allows it at the time: whoever loses a permission loses it for their
// keys too, and a member who is removed takes their keys along.
//
// A key is shown once, when it is made. Of it the database has the SHA-256, which is enough for 256 random bits, and a hint by
// which its owner knows it again. It expires, after a year at the latest.
//
// # What a key may not do
//
// It makes no keys, and ends none but itself: a key that has leaked can be revoked, and has left nothing behind. Members see
// and end their own keys; who may write users, those of the whole tenant.
//
// # Ended keys
//
// A key that was revoked or has expired stays for a while, so that its program is told which of the two it is. Revoked ones
// are in no list. The newest [maxKeys] ended keys of a member are kept.
package apikeys
