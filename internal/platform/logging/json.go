package logging

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// encoded is a value that is JSON already, by this package.
type encoded []byte

// String returns the JSON text.
func (e encoded) String() string { return string(e) }

// MarshalJSON returns the JSON text.
func (e encoded) MarshalJSON() ([]byte, error) { return e, nil }

// json appends the JSON that a value of the named type marshals to, compact and redacted like everything else.
func (l *line) json(raw []byte, depth int, typeName string) {
	start := len(l.b)
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if !json.Valid(raw) || !l.jsonValue(d, depth) {
		l.b = l.b[:start]
		l.problem(typeName + " holds no valid JSON")
	}
}

func (l *line) jsonValue(d *json.Decoder, depth int) bool {
	token, err := d.Token()
	if err != nil {
		return false
	}
	switch token := token.(type) {
	case string:
		l.text(token)
	case json.Number:
		if len(token) > 64 {
			l.text(token.String())
			return true
		}
		l.b = append(l.b, token...)
	case bool:
		l.b = strconv.AppendBool(l.b, token)
	case json.Delim:
		return l.jsonParts(d, token == '{', depth)
	default:
		l.b = append(l.b, "null"...)
	}
	return true
}

// jsonParts appends the members of an object or the elements of a list, up to the closing bracket.
func (l *line) jsonParts(d *json.Decoder, object bool, depth int) bool {
	opening, closing := byte('['), byte(']')
	if object {
		opening, closing = '{', '}'
	}
	l.b = append(l.b, opening)
	for n := 0; d.More(); n++ {
		if n > 0 {
			l.b = append(l.b, ',')
		}
		if object {
			token, err := d.Token()
			name, ok := token.(string)
			if err != nil || !ok {
				return false
			}
			l.text(name)
			l.b = append(l.b, ':')
			if sensitive(name) {
				l.redacted()
				if !skip(d) {
					return false
				}
				continue
			}
		}
		if depth >= maxDepth || l.full() {
			l.b = append(l.b, `"!TRUNCATED"`...)
			if !skipRest(d, object) {
				return false
			}
			break
		}
		if !l.jsonValue(d, depth+1) {
			return false
		}
	}
	l.b = append(l.b, closing)
	_, err := d.Token()
	return err == nil
}

func skip(d *json.Decoder) bool {
	var ignored json.RawMessage
	return d.Decode(&ignored) == nil
}

// skipRest reads the value that is next and all that follow it in the same object or list.
func skipRest(d *json.Decoder, object bool) bool {
	for named := true; ; named = false {
		if object && !named {
			if _, err := d.Token(); err != nil {
				return false
			}
		}
		if !skip(d) {
			return false
		}
		if !d.More() {
			return true
		}
	}
}
