package logging

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"go.opentelemetry.io/otel/trace"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

const (
	defaultLine = 16_000 // bytes of one line; Docker splits longer ones at 16 KiB, which breaks their JSON
	minLine     = 4_000  // holds the line's own members and some fields
	maxLine     = 64 << 10
	noteRoom    = 512     // bytes kept free in a line for notes about omitted values
	noteLen     = 40      // more than the note about a cut
	lookahead   = 1 << 10 // read past a cut, so that a secret there is recognized
)

// line is a log line under construction. Its methods append to b and never fail: a value that
// cannot be written becomes a string that begins with !ERROR, one that does not fit a string that
// begins with !TRUNCATED.
type line struct {
	b       []byte
	max     int    // bytes after which no more fields are added
	maxText int    // bytes of one string, escapes and the note about a cut included
	keys    []*key // of the call's fields, in their order
	mask    uint64 // the bits of keys
	dropped int    // fields for which there is no room

	second int64  // since 1970
	stamp  []byte // of second
}

var lines = sync.Pool{New: func() any { return &line{b: make([]byte, 0, 1<<10)} }}

// newLine returns an empty line from the pool. A string may take a quarter of its limit.
func newLine(limit int) *line {
	l := lines.Get().(*line) //nolint:errcheck,forcetypeassert // the pool holds nothing else
	l.b, l.max, l.maxText, l.dropped = l.b[:0], limit-noteRoom, limit/4, 0
	return l
}

// release returns l to the pool, unless its buffer grew large.
func (l *line) release() {
	if cap(l.b) <= 2*maxLine {
		lines.Put(l)
	}
}

// full reports whether lists and objects should stop: there is room for one more string of any
// length.
func (l *line) full() bool { return len(l.b) >= l.max-l.maxText-noteRoom }

// fields appends the correlation id, the trace ids, the bound fields of ctx and the fields of the
// call. Of several fields with one key the last is written.
func (l *line) fields(ctx context.Context, call []Field) {
	repeated := l.resolve(call)
	b := boundTo(ctx)
	if id := errors.CorrelationID(ctx); id != "" && !l.overridden(correlationKey, b) {
		l.field(correlationKey, &Field{kind: kindString, text: id})
	}
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		traceID, spanID := span.TraceID(), span.SpanID()
		l.id(traceKey, traceID[:], b)
		l.id(spanKey, spanID[:], b)
	}
	l.bound(b)
	for i := range call {
		if repeated && l.hasKey(i+1, l.keys[i]) {
			continue
		}
		if !l.add(l.keys[i], &call[i]) {
			l.dropped += len(call) - i
			break
		}
	}
	if l.dropped > 0 {
		l.field(droppedKey, &Field{kind: kindInt, num: uint64(l.dropped)})
	}
}

// bound appends the fields of the ctx that the call does not override.
func (l *line) bound(b *Bound) {
	if b == nil {
		return
	}
	for _, f := range b.fields {
		switch {
		case l.hasKey(0, f.key):
		case len(l.b)+len(f.json) <= l.max:
			l.b = append(l.b, f.json...)
		default:
			l.dropped++
		}
	}
}

// id appends an id of OpenTelemetry in hexadecimal, unless a field overrides it.
func (l *line) id(k *key, id []byte, b *Bound) {
	if !l.overridden(k, b) {
		l.b = append(l.b, k.json...)
		l.b = append(l.b, '"')
		l.b = hex.AppendEncode(l.b, id)
		l.b = append(l.b, '"')
	}
}

// resolve finds the keys of the call's fields. It reports whether one is repeated.
func (l *line) resolve(call []Field) (repeated bool) {
	keys, mask := l.keys[:0], uint64(0)
	for i := range call {
		k := keyOf(call[i].key)
		repeated = repeated || mask&k.bit != 0 && hasName(keys, k.name)
		keys, mask = append(keys, k), mask|k.bit
	}
	l.keys, l.mask = keys, mask
	return repeated
}

// hasKey reports whether the call has a field with this key, from the i-th on.
func (l *line) hasKey(i int, k *key) bool { return l.mask&k.bit != 0 && hasName(l.keys[i:], k.name) }

func hasName(keys []*key, name string) bool {
	return slices.ContainsFunc(keys, func(k *key) bool { return k.name == name })
}

func (l *line) overridden(k *key, b *Bound) bool { return l.hasKey(0, k) || b.has(k) }

// add appends a field, with a note for its value where that does not fit. It appends nothing and
// returns false where the note does not fit either.
func (l *line) add(k *key, f *Field) bool {
	before := len(l.b)
	l.field(k, f)
	if len(l.b) <= l.max {
		return true
	}
	l.b = l.b[:before]
	l.field(k, &noRoom)
	if len(l.b) <= l.max {
		return true
	}
	l.b = l.b[:before]
	return false
}

var noRoom = Field{kind: kindString, text: "!TRUNCATED: the line is full"}

// field appends a key and its value.
func (l *line) field(k *key, f *Field) {
	l.b = append(l.b, k.json...)
	if k.secret && !f.harmless(k.name) {
		l.redacted()
		return
	}
	switch f.kind {
	case kindString:
		l.text(f.text)
	case kindInt:
		l.b = strconv.AppendInt(l.b, int64(f.num), 10) //nolint:gosec // the bits of an int64
	case kindFloat:
		l.float(math.Float64frombits(f.num), 64)
	case kindBool:
		l.b = strconv.AppendBool(l.b, f.num == 1)
	case kindDuration:
		l.duration(time.Duration(f.num)) //nolint:gosec // the bits of a Duration
	default:
		l.value(f.any, 0)
	}
}

func (l *line) redacted() { l.b = append(l.b, `"`+Redacted+`"`...) }

// problem appends a note about a value that cannot be written.
func (l *line) problem(text string) { l.text("!ERROR: " + text) }

// float appends the shortest decimal that reads back as f, with an exponent where encoding/json has
// one.
func (l *line) float(f float64, bits int) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		l.problem(strconv.FormatFloat(f, 'g', -1, bits) + " is not a number in JSON")
		return
	}
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	l.b = strconv.AppendFloat(l.b, f, format, -1, bits)
}

// duration appends milliseconds with up to three decimals.
func (l *line) duration(d time.Duration) {
	us := d.Microseconds()
	if us < 0 {
		l.b, us = append(l.b, '-'), -us
	}
	l.b = strconv.AppendInt(l.b, us/1000, 10)
	if rest := us % 1000; rest != 0 {
		point := len(l.b)
		l.b = strconv.AppendInt(l.b, 1000+rest, 10) // leading zeros, behind a 1
		l.b[point] = '.'
		l.b = bytes.TrimRight(l.b, "0")
	}
}

// time appends t as RFC 3339 in UTC with nine decimals, so that lines sort by it. The last second
// is cached.
func (l *line) time(t time.Time) {
	if second := t.Unix(); second != l.second || len(l.stamp) == 0 {
		l.second, l.stamp = second, t.UTC().AppendFormat(l.stamp[:0], `"2006-01-02T15:04:05`)
	}
	point := len(l.b) + len(l.stamp)
	l.b = strconv.AppendInt(append(l.b, l.stamp...), int64(1_000_000_000+t.Nanosecond()), 10) // leading zeros, behind a 1
	l.b[point] = '.'
	l.b = append(l.b, `Z"`...)
}

// Classes of bytes.
const (
	mayEscape  = 1 << iota // is escaped in JSON, or begins a sequence that is
	mayReveal              // may be next to a secret: see secretAt
	endsScheme             // ends Bearer or Basic in any case
	endsName               // ends a name, its quotes or the blanks behind it
	endsHook               // ends one of webhookPaths
	isWord                 // letters and digits
)

var byteClass = func() (t [256]uint8) {
	for c := range t {
		if c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			t[c] |= mayEscape
		}
		if isNameByte(byte(c)) {
			t[c] |= endsName
		}
		if isAlnum(byte(c)) {
			t[c] |= isWord
		}
	}
	set := func(class uint8, bytes string) {
		for _, c := range []byte(bytes) {
			t[c] |= class
		}
	}
	set(mayReveal, " \t-_=:@/%JIz")
	set(endsScheme, "rRcC")
	set(endsName, "\"'`\\] \t")
	for path := range webhookPaths {
		set(endsHook, path[len(path)-1:])
	}
	return t
}()

// text appends s as a JSON string: redacted, cut at l.maxText, without line breaks. Most strings
// are scanned once and copied.
func (l *line) text(s string) {
	size := len(s)
	if size > l.maxText {
		start, whole := redactStart(s, l.maxText)
		l.quote(start, size, whole)
		return
	}
	escape := uint8(0)
	for i := range len(s) {
		class := byteClass[s[i]]
		if class&(mayEscape|mayReveal) == 0 {
			continue
		}
		escape |= class & mayEscape
		if class&mayReveal != 0 && !ordinary(s, i) {
			if _, _, found := secretAt(s, i, 0); found || s[i] == '%' && isEscape(s, i) {
				l.quote(Redact(s), size, true)
				return
			}
		}
	}
	if escape != 0 {
		l.quote(s, size, true)
		return
	}
	b := append(l.b, '"')
	b = append(b, s...)
	l.b = append(b, '"')
}

// redactStart redacts the first n bytes of s, with the lookahead for a secret that they end in. It
// reports whether that is the whole of s; if so, up to lookahead bytes more are returned.
func redactStart(s string, n int) (start string, whole bool) {
	if len(s) <= n+lookahead {
		return Redact(s), true
	}
	start = Redact(s[:n+lookahead])
	end := len(start)
	for read := 0; end > 0 && (read < lookahead || !utf8.RuneStart(start[end])); read++ {
		if strings.HasSuffix(start[:end], Redacted) { // for at least one byte
			end -= len(Redacted)
		} else {
			end--
		}
	}
	return start[:end], false
}

// quote appends s escaped, at most l.maxText bytes in all. If that cuts s, or s is not the whole
// text, a note gives the size of the text.
func (l *line) quote(s string, size int, whole bool) {
	l.b = append(l.b, '"')
	end, cut := len(l.b)+l.maxText, 0
	for _, r := range s {
		if cut == 0 && len(l.b) > end-noteLen {
			cut = len(l.b)
		}
		if len(l.b) > end {
			whole = false
			break
		}
		switch {
		case r < utf8.RuneSelf && byteClass[r]&mayEscape == 0:
			l.b = append(l.b, byte(r)) //nolint:gosec // ASCII
		case r == '"', r == '\\':
			l.b = append(l.b, '\\', byte(r))
		case r == '\n':
			l.b = append(l.b, `\n`...)
		case r == '\r':
			l.b = append(l.b, `\r`...)
		case r == '\t':
			l.b = append(l.b, `\t`...)
		case r < 0xa0, r == '\u2028', r == '\u2029': // C1 controls and line separators break lines on some terminals
			l.b = fmt.Appendf(l.b, `\u%04x`, r)
		default: // for invalid UTF-8 the replacement character
			l.b = utf8.AppendRune(l.b, r)
		}
	}
	if !whole {
		if cut > 0 {
			l.b = l.b[:cut]
		}
		l.b = fmt.Appendf(l.b, "…[truncated, %d bytes]", size)
	}
	l.b = append(l.b, '"')
}

// members returns the names and values of the fields that [line.fields] appended.
func members(fields []byte) iter.Seq2[string, json.RawMessage] {
	return func(yield func(string, json.RawMessage) bool) {
		if len(fields) == 0 {
			return
		}
		d := json.NewDecoder(bytes.NewReader(slices.Concat([]byte("{"), fields[len(","):], []byte("}"))))
		_, _ = d.Token()
		for d.More() {
			name, _ := d.Token()
			var value json.RawMessage
			if d.Decode(&value) != nil || !yield(fmt.Sprint(name), value) {
				return
			}
		}
	}
}

// decode returns the value of JSON, with numbers as json.Number.
func decode(raw json.RawMessage) (v any) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	_ = d.Decode(&v)
	return v
}

const (
	colorOff  = "\x1b[0m"
	colorDim  = "\x1b[2m"
	colorBold = "\x1b[1m"
)

// consoleLine appends a line for terminals: the time of day, the level, the event and the logger,
// then key=value.
func (f *formatter) consoleLine(ctx context.Context, l *line, h head, call []Field) {
	fields := newLine(f.limit)
	defer fields.release()
	fields.dropped = l.dropped
	fields.fields(ctx, call)
	level := levelOf(h.level)
	text := func(color, s string) {
		if f.color {
			l.b = append(l.b, color...)
			defer func() { l.b = append(l.b, colorOff...) }()
		}
		start := len(l.b)
		l.text(s)
		l.unquote(start)
	}
	text(colorDim, h.time.Format("15:04:05.000"))
	l.b = append(l.b, ' ')
	text(level.color, level.name)
	l.b = append(l.b, "         "[len(level.name):]...)
	text(colorBold, h.event)
	l.b = append(l.b, ' ')
	text(colorDim, h.logger)
	for name, value := range members(fields.b) {
		l.b = append(l.b, ' ')
		text(colorDim, name)
		l.b = append(l.b, '=')
		start := len(l.b)
		l.b = append(l.b, value...)
		l.unquote(start)
	}
	l.b = append(l.b, '\n')
}

// unquote removes the quotes of the JSON from start on where it is a string that is readable
// without them.
func (l *line) unquote(start int) {
	value := l.b[start:]
	if len(value) < 3 || value[0] != '"' {
		return
	}
	for _, c := range value[1 : len(value)-1] {
		if c <= ' ' || c == '"' || c == '\\' || c == '=' {
			return
		}
	}
	copy(value, value[1:len(value)-1])
	l.b = l.b[:len(l.b)-2]
}

// wantsColor reports whether w is a terminal and NO_COLOR (https://no-color.org) is not set.
func wantsColor(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
