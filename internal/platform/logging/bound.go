package logging

import (
	"context"
	"slices"
)

// bound holds the fields that a ctx carries. It is immutable, and its JSON is made once, when the fields are bound.
type bound struct {
	items []boundItem
	json  []byte // ,"a":1,"b":2
	mask  uint64 // the bits of all keys
}

type boundItem struct {
	key        *key
	field      Field
	start, end int // of the value in json
}

type boundKey struct{}

// Bind returns a ctx whose fields are in every later line that is logged with it or with a ctx made from it. A field
// replaces an earlier one of the same key. Values are written as they are now; later changes do not show.
func Bind(ctx context.Context, fields ...Field) context.Context {
	if len(fields) == 0 {
		return ctx
	}
	if ctx == nil {
		ctx = context.Background()
	}
	return context.WithValue(ctx, boundKey{}, boundTo(ctx).with(fields))
}

// boundTo returns the fields that ctx carries, nil for none.
func boundTo(ctx context.Context) *bound {
	b, _ := ctx.Value(boundKey{}).(*bound)
	return b
}

// typicalField is room for the JSON of most fields, such as an id: ,"session_id":"019b0000-0000-7000-8000-000000000001"
const typicalField = 56

func (b *bound) with(fields []Field) *bound {
	var (
		l    line
		keys [8]*key // enough for most calls
		size = len(fields) * typicalField
		have int
	)
	if b != nil {
		size, have = size+len(b.json), len(b.items)
	}
	next := &bound{items: make([]boundItem, 0, have+len(fields))}
	l.reset(make([]byte, 0, size))
	l.limit, l.room = maxBound/2, keys[:0]
	l.resolve(fields, nil)
	if b != nil {
		for _, item := range b.items {
			if !l.hasKey(0, item.key.name) {
				next.add(&l, item.key, item.field, b.json[item.start:item.end])
			}
		}
	}
	for i, f := range fields {
		if k := l.keys[i]; !l.hasKey(i+1, k.name) {
			next.add(&l, k, f, nil)
		}
	}
	next.json = l.b
	return next
}

// add appends one field, as value where that is made already. One that does not fit is replaced by a note, or left out
// where not even that fits.
func (b *bound) add(l *line, k *key, f Field, value []byte) {
	before := len(l.b)
	l.b = append(l.b, k.json...)
	start := len(l.b)
	if value != nil {
		l.b = append(l.b, value...)
	} else {
		l.fieldValue(k, &f)
	}
	if len(l.b) > maxBound {
		l.b = append(l.b[:start], noRoom...)
	}
	if len(l.b) > maxBound {
		l.b = l.b[:before]
		return
	}
	b.items = append(b.items, boundItem{key: k, field: f, start: start, end: len(l.b)})
	b.mask |= k.bit
}

// noRoom stands for the value of a field that would make the line too long.
const noRoom = `"!TRUNCATED: the line is full"`

// has reports whether a field with the name of k is bound.
func (b *bound) has(k *key) bool {
	if b == nil || b.mask&k.bit == 0 {
		return false
	}
	return slices.ContainsFunc(b.items, func(item boundItem) bool { return item.key.name == k.name })
}
