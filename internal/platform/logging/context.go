package logging

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync/atomic"
)

const maxBound = defaultLine / 2 // bytes of the bound fields of a ctx

// Bound holds fields in encoded form, for any number of contexts. It is immutable.
type Bound struct {
	fields []boundField
	size   int    // bytes of all
	mask   uint64 // the bits of all keys
}

type boundField struct {
	key  *key
	json []byte // ,"a":1
}

type boundKey struct{}

// NewBound encodes fields. Later changes to their values have no effect. Those for which there is no
// room are left out.
func NewBound(fields ...Field) *Bound {
	l := newLine(defaultLine)
	defer l.release()
	l.resolve(fields)
	b := new(Bound)
	for i := range fields {
		if k := l.keys[i]; !l.hasKey(i+1, k) {
			l.b = l.b[:0]
			l.field(k, &fields[i])
			b.add(boundField{k, bytes.Clone(l.b)})
		}
	}
	return b
}

// add adds a field, or a note where its value is too long, if there is room.
func (b *Bound) add(f boundField) {
	if b.size+len(f.json) > maxBound {
		f.json = []byte(f.key.json + `"` + noRoom.text + `"`)
	}
	if b.size+len(f.json) <= maxBound {
		b.fields = append(b.fields, f)
		b.size += len(f.json)
		b.mask |= f.key.bit
	}
}

// Bind returns a ctx whose fields are in every line that is logged with it or with a ctx derived
// from it. A field replaces an earlier one with the same key.
func Bind(ctx context.Context, fields ...Field) context.Context {
	if ctx == nil {
		ctx = context.Background()
	}
	return NewBound(fields...).Bind(ctx)
}

// Bind is like [Bind] for fields that are encoded already.
func (b *Bound) Bind(ctx context.Context) context.Context {
	if len(b.fields) == 0 {
		return ctx
	}
	if outer := boundTo(ctx); outer != nil {
		b = outer.with(b)
	}
	return context.WithValue(ctx, boundKey{}, b)
}

// boundTo returns the bound fields of ctx, nil for none.
func boundTo(ctx context.Context) *Bound {
	b, _ := ctx.Value(boundKey{}).(*Bound)
	return b
}

// with returns the fields of b that next does not replace, and those of next.
func (b *Bound) with(next *Bound) *Bound {
	all := &Bound{fields: make([]boundField, 0, len(b.fields)+len(next.fields))}
	for _, f := range b.fields {
		if !next.has(f.key) {
			all.add(f)
		}
	}
	for _, f := range next.fields {
		all.add(f)
	}
	return all
}

// has reports whether a field with the key k is bound. A nil b has none.
func (b *Bound) has(k *key) bool {
	return b != nil && b.mask&k.bit != 0 &&
		slices.ContainsFunc(b.fields, func(f boundField) bool { return f.key.name == k.name })
}

// key is the name of a field, prepared for writing.
type key struct {
	given  string // by the caller
	name   string // in the line
	json   string // ,"name":
	secret bool   // its values are redacted
	bit    uint64 // one of 64; keys with different bits have different names
}

const maxKey = 128 // bytes of a name

var (
	correlationKey = newKey("correlation_id")
	traceKey       = newKey("trace_id")
	spanKey        = newKey("span_id")

	// droppedKey counts the fields for which a line had no room.
	droppedKey = &key{name: "fields_dropped", json: `,"fields_dropped":`}

	keyCache [1024]atomic.Pointer[key]
)

// keyOf returns the key for a name. The cache keeps the names that come first, so that names made
// at run time neither use up memory nor evict those of the program. Names are compared as given:
// equal constants share memory, so the comparison is cheap.
func keyOf(name string) *key {
	first := hash(name)
	for slot := range uint32(4) {
		place := &keyCache[(first+slot)%uint32(len(keyCache))]
		k := place.Load()
		if k == nil && len(name) <= maxKey {
			place.CompareAndSwap(nil, newKey(name))
			k = place.Load()
		}
		if k != nil && k.given == name {
			return k
		}
	}
	return newKey(name)
}

// hash is cheap rather than good: length, ends and middle distinguish most names.
func hash(s string) uint32 {
	n := len(s)
	if n == 0 {
		return 0
	}
	return uint32(s[0])*31 + uint32(s[n-1])*131 + uint32(s[n/2])*1031 + uint32(n)*17 //nolint:gosec // any value will do
}

// newKey prepares a name. The names of the line's own members get a prefix.
func newKey(given string) *key {
	name := safeName(given)
	switch name {
	case "time", "level", "event", "logger", "app", "environment", "fields_dropped":
		name = "fields." + name
	}
	l := line{maxText: defaultLine}
	l.text(name)
	return &key{
		given:  given,
		name:   name,
		json:   "," + string(l.b) + ":",
		secret: Sensitive(given),
		bit:    1 << (hash(name) % 64),
	}
}

// safeName returns a name as it is written: short, valid UTF-8, redacted. Names are compared in
// this form, so that no object has a member twice.
func safeName(given string) string {
	name, whole := redactStart(given, maxKey)
	if len(name) > maxKey || !whole {
		name = name[:min(len(name), maxKey)] + "…"
	}
	return strings.ToValidUTF8(name, "\ufffd")
}
