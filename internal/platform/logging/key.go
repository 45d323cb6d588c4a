package logging

import (
	"sync/atomic"
	"unicode/utf8"
)

// key is what there is to know about the name of a field, worked out once for the names that a program uses.
type key struct {
	given  string // as the caller wrote it
	name   string // as the line shows it
	json   string // ,"name":
	secret bool
	bit    uint64 // one of 64; keys whose bits differ have different names
}

const maxKey = 128 // bytes of a name

var (
	keyTable       [1024]atomic.Pointer[key]
	correlationKey = newKey("correlation_id")
)

// keyOf returns the key for a name. The first name to take a place in the table stays, so that names made up at run time
// neither grow memory nor drive out those of the program.
func keyOf(name string) *key {
	if len(name) == 0 || len(name) > 64 {
		return newKey(name)
	}
	place := &keyTable[hash(name)%uint32(len(keyTable))]
	k := place.Load()
	if k == nil {
		k = newKey(name)
		place.CompareAndSwap(nil, k)
		return k
	}
	if k.given != name {
		return newKey(name)
	}
	return k
}

// hash is cheap rather than good: length, ends and middle tell the names of fields apart well enough.
func hash(s string) uint32 {
	n := len(s)
	h := uint32(s[0])*31 + uint32(s[n-1])*131 + uint32(s[n/2])*1031 + uint32(s[n/3])*257
	return h + uint32(n)*17 //nolint:gosec // n is at most 64
}

// newKey makes the key for a name. The names that the line itself uses get a prefix.
func newKey(given string) *key {
	name := shownName(given)
	switch name {
	case "time", "level", "event", "logger", "app", "environment", "fields_dropped":
		name = "fields." + name
	}
	k := &key{given: given, name: name, secret: sensitive(given)}
	var l line
	l.text(name)
	k.json = "," + string(l.b) + ":"
	k.bit = 1
	if name != "" {
		k.bit = 1 << (hash(name[:min(len(name), 64)]) % 64)
	}
	return k
}

// shownName returns the name that a reader of the line gets for a name: short, valid UTF-8, redacted. Names are compared as
// they are shown, so that an object has no two of the same.
func shownName(given string) string {
	if len(given) > maxKey {
		given = given[:maxKey] + "…"
	}
	if !utf8.ValidString(given) {
		given = string([]rune(given))
	}
	return Redact(given)
}
