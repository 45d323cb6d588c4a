package logging

// ctxFields is what a ctx adds to a line.
type ctxFields struct {
	correlation string
	span        span
	bound       *bound
}

// droppedKey is in a line that has room for no more fields; its value is how many are missing.
var droppedKey = &key{name: "fields_dropped", json: `,"fields_dropped":`}

// fields appends the correlation id, the ids of the trace, the fields of the ctx and the fields of the call, in this order.
// Of several fields with one key the last is written, so that a call's field replaces one of the ctx.
func (l *line) fields(set ctxFields, call []Field, known *shape) {
	mask, clash := l.resolve(call, known)
	if set.correlation != "" && !l.replaced(correlationKey, set.bound, mask) {
		l.own = String(correlationKey.name, set.correlation)
		l.field(correlationKey, &l.own)
	}
	l.span(set, mask)
	l.boundFields(set.bound, mask)
	for i := range call {
		k := l.keys[i]
		if clash && l.hasKey(i+1, k.name) {
			continue
		}
		before := len(l.b)
		l.field(k, &call[i])
		if l.size() <= lineFull {
			continue
		}
		l.b = l.b[:before]
		l.own = Any(k.name, encoded(noRoom))
		l.field(k, &l.own)
		if l.size() > lineFull {
			l.b = l.b[:before]
			l.own = Int(droppedKey.name, len(call)-i)
			l.field(droppedKey, &l.own)
			return
		}
	}
}

// boundFields appends the fields of the ctx that the call does not replace; without any such, in one piece.
func (l *line) boundFields(b *bound, mask uint64) {
	switch {
	case b == nil:
		return
	case b.mask&mask == 0 && !l.console:
		l.b = append(l.b, b.json...)
		return
	}
	for i := range b.items {
		item := &b.items[i]
		if l.hasKey(0, item.key.name) {
			continue
		}
		l.own = Any(item.key.name, encoded(b.json[item.start:item.end]))
		l.field(item.key, &l.own)
	}
}

// replaced reports whether a field of the ctx or of the call has the key k.
func (l *line) replaced(k *key, b *bound, mask uint64) bool {
	return mask&k.bit != 0 && l.hasKey(0, k.name) || b.has(k)
}

// resolve finds the keys of the call's fields, in the shape where it fits. It returns their bits, and whether two of them are the
// same.
func (l *line) resolve(call []Field, known *shape) (mask uint64, clash bool) {
	if known.fits(call) {
		l.keys = known.keys
		return known.mask, known.clash
	}
	l.keys = l.room[:0]
	for i := range call {
		k := keyOf(call[i].key)
		clash = clash || mask&k.bit != 0 && l.hasKey(0, k.name)
		mask |= k.bit
		l.keys = append(l.keys, k)
	}
	l.room = l.keys
	return mask, clash
}

// hasKey reports whether a key of the call, from the i-th on, has this name.
func (l *line) hasKey(i int, name string) bool {
	for _, k := range l.keys[i:] {
		if k.name == name {
			return true
		}
	}
	return false
}
