package audit_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/audit"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

func TestDetails(t *testing.T) {
	t.Parallel()
	key := auth.NewAPIKey(uuid.New(), uuid.New())
	loop := map[string]any{}
	loop["loop"] = loop
	tests := map[string]struct {
		details map[string]any
		want    string
	}{
		"nothing":            {nil, `{}`},
		"plain":              {map[string]any{"role": "admin", "n": 3, "big": int64(math.MaxInt64), "f": 1.5, "ok": true, "none": nil}, `{"role":"admin","n":3,"big":9223372036854775807,"f":1.5,"ok":true,"none":null}`},
		"about a secret":     {map[string]any{"session_id": "s", "token_type": "Bearer", "api_key_id": "k"}, `{"session_id":"s","token_type":"Bearer","api_key_id":"k"}`},
		"secret by name":     {map[string]any{"access_token": "x", "apiKey": 7, "password": map[string]any{"a": 1}}, `{"access_token":"[REDACTED]","apiKey":"[REDACTED]","password":"[REDACTED]"}`},
		"secret inside":      {map[string]any{"list": []any{map[string]any{"db_password": "x", "user": "u"}}}, `{"list":[{"db_password":"[REDACTED]","user":"u"}]}`},
		"secret of a struct": {map[string]any{"s": struct{ RefreshToken, Name string }{"x", "n"}}, `{"s":{"RefreshToken":"[REDACTED]","Name":"n"}}`},
		"secret in a text":   {map[string]any{"note": "sent Authorization: Bearer abc.def"}, `{"note":"sent Authorization: [REDACTED]"}`},
		"secret types":       {map[string]any{"a": logging.Secret("x"), "b": key}, `{"a":"[REDACTED]","b":"[REDACTED]"}`},
		"text of a key":      {map[string]any{"note": key.Reveal()}, `{"note":"[REDACTED]"}`},
		"permissions":        {map[string]any{"scopes": []auth.Permission{"api_keys:read", "notes:read"}, "note": "api_keys:hunter2"}, `{"scopes":["api_keys:read","notes:read"],"note":"api_keys:[REDACTED]"}`},
		"NUL":                {map[string]any{"a\x00": "b\x00", "c": map[string]any{"d\x00": "e"}}, "{\"a\ufffd\":\"b\ufffd\",\"c\":{\"d\ufffd\":\"e\"}}"},
		"not JSON":           {map[string]any{"a": math.NaN(), "b": make(chan int), "c": loop, "d": "kept"}, `{"a":"!ERROR: not a JSON value","b":"!ERROR: not a JSON value","c":"!ERROR: not a JSON value","d":"kept"}`},
		"too large a number": {map[string]any{"a": json.RawMessage("1e400000")}, `{"a":"!ERROR: not a JSON value"}`},
		"too long":           {map[string]any{"a": strings.Repeat("x", 3000), "b": "kept"}, `{"a":"!TRUNCATED: too long","b":"kept"}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := json.Marshal(audit.Presentable(tt.details))
			require.NoError(t, err)
			assert.JSONEq(t, tt.want, string(got))
		})
	}
}

func TestDetailsAreBounded(t *testing.T) {
	t.Parallel()
	many := map[string]any{}
	for i := range 1000 {
		many[fmt.Sprintf("name_%04d", i)] = strings.Repeat("x", 2000)
	}
	got := audit.Presentable(many)
	assert.Len(t, got, 25)
	assert.Equal(t, 976, got["details_dropped"])
	assert.Contains(t, got, "name_0023")
	assert.Len(t, many, 1000)
}

func TestDetailsOfTheCallerStay(t *testing.T) {
	t.Parallel()
	inner := map[string]any{"password": "x"}
	details := map[string]any{"inner": inner}
	audit.Presentable(details)
	assert.Equal(t, map[string]any{"inner": map[string]any{"password": "x"}}, details)
}

func FuzzDetails(f *testing.F) {
	f.Add(`{"a":1,"password":"x","list":[{"token":"y"}]}`)
	f.Add(`{"a\u0000":"\u0000","b":1e999999,"c":-0,"d":"ak_"}`)
	f.Add(`{"":""}`)
	f.Fuzz(func(t *testing.T, text string) {
		var details map[string]any
		if json.Unmarshal([]byte(text), &details) != nil {
			return
		}
		got, err := json.Marshal(audit.Presentable(details))
		require.NoError(t, err)
		assert.NotContains(t, string(got), `\u0000`, "PostgreSQL has no such character")
		for name := range details {
			if logging.Sensitive(name) && len(details) <= 24 && len(name) <= 64 {
				assert.Contains(t, string(got), logging.Redacted)
			}
		}
	})
}
