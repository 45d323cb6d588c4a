package logging

import (
	"math"
	"strconv"
	"time"
)

const (
	maxLine  = 64 << 10    // bytes of one line
	maxBound = maxLine / 2 // bytes of the fields that a ctx carries
	tailRoom = 512         // kept free in a line for the notes that say what was left out
	lineFull = maxLine - tailRoom
)

// line is a line of the log in the making. Its methods append to b and never fail: what cannot be written becomes a text
// that begins with !ERROR, and what does not fit one that says so.
type line struct {
	b       []byte
	start   int    // where the line begins in b
	limit   int    // the size at which lists and objects stop
	keys    []*key // the keys of the call's fields, in their order; shared with others, not to be changed
	room    []*key // for keys that are found for this line alone
	own     Field  // a field that the line itself adds
	console bool
	color   bool
	sec     int64 // the second that stamp shows
	stamp   [len("2006-01-02T15:04:05")]byte
}

// reset makes l write to b.
func (l *line) reset(b []byte) {
	l.b, l.start, l.limit = b, len(b), lineFull-maxText-tailRoom
}

func (l *line) size() int  { return len(l.b) - l.start }
func (l *line) full() bool { return l.size() >= l.limit }

// field appends the key and the value of f.
func (l *line) field(k *key, f *Field) {
	if l.console {
		l.consoleField(k, f)
		return
	}
	l.b = append(l.b, k.json...)
	l.fieldValue(k, f)
}

func (l *line) fieldValue(k *key, f *Field) {
	if k.secret {
		l.redacted()
		return
	}
	switch f.kind {
	case kindString:
		l.text(f.text)
	case kindInt:
		l.b = strconv.AppendInt(l.b, int64(f.num), 10) //nolint:gosec // the bits of an int64
	case kindUint:
		l.b = strconv.AppendUint(l.b, f.num, 10)
	case kindFloat:
		l.float(math.Float64frombits(f.num), 64)
	case kindBool:
		l.b = strconv.AppendBool(l.b, f.num == 1)
	case kindDuration:
		l.duration(time.Duration(f.num)) //nolint:gosec // the bits of a Duration
	case kindError:
		l.called(errorText(f.any))
	default:
		l.safeValue(f.any)
	}
}

func (l *line) redacted() { l.b = append(l.b, `"`+Redacted+`"`...) }

// problem appends the note about a value that cannot be written.
func (l *line) problem(text string) { l.text("!ERROR: " + text) }

// float appends the shortest form that reads back as f, with an exponent where encoding/json has one.
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
		l.b = append(l.b, '-')
		us = -us
	}
	l.b = strconv.AppendInt(l.b, us/1000, 10)
	if frac := us % 1000; frac != 0 {
		l.b = append(l.b, '.', byte('0'+frac/100))
		if frac%100 != 0 {
			l.b = append(l.b, byte('0'+frac/10%10))
		}
		if frac%10 != 0 {
			l.b = append(l.b, byte('0'+frac%10))
		}
	}
}

// time appends t as RFC 3339 in UTC with nine decimals, so that lines sort by it. The date and the second are kept from
// the line before.
func (l *line) time(t time.Time) {
	if sec := t.Unix(); sec != l.sec || l.stamp[0] == 0 {
		l.sec = sec
		copy(l.stamp[:], t.UTC().AppendFormat(make([]byte, 0, 32), "2006-01-02T15:04:05"))
	}
	l.b = append(l.b, l.stamp[:]...)
	ns := uint32(t.Nanosecond()) //nolint:gosec // below a thousand million
	a, b, c, d := ns/10_000_000, ns/100_000%100*2, ns/1000%100*2, ns/10%100*2
	a *= 2
	l.b = append(l.b, '.', pairs[a], pairs[a+1], pairs[b], pairs[b+1], pairs[c], pairs[c+1], pairs[d], pairs[d+1], byte('0'+ns%10), 'Z')
}

// pairs holds the two digits of n from 2n on.
const pairs = "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051525354555657585960" +
	"616263646566676869707172737475767778798081828384858687888990919293949596979899"
