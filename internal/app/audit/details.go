package audit

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// What is kept of details: so many, each of so many bytes of JSON.
const (
	maxDetails = 24
	maxDetail  = 2048
)

// presentable returns details as they are kept: as plain JSON values, redacted by name and by shape as in the log. A value
// that is too long or that JSON does not have is replaced by a note: it is no reason to lose an entry. The caller's map stays
// as it is.
func presentable(details map[string]any) map[string]any {
	out := make(map[string]any, min(len(details), maxDetails))
	for i, name := range slices.Sorted(maps.Keys(details)) {
		if i == maxDetails {
			out["details_dropped"] = len(details) - maxDetails
			break
		}
		out[db.Text(name, maxWord)] = detail(name, details[name])
	}
	return out
}

func detail(name string, value any) any {
	if logging.Sensitive(name) {
		return logging.Redacted
	}
	encoded, err := json.Marshal(value)
	switch {
	case err != nil:
		return "!ERROR: not a JSON value"
	case len(encoded) > maxDetail:
		return "!TRUNCATED: too long"
	}
	var plain any
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	decoder.UseNumber()
	if err := decoder.Decode(&plain); err != nil {
		return "!ERROR: not a JSON value"
	}
	return redacted(plain)
}

// redacted replaces the secrets in a decoded JSON value.
func redacted(value any) any {
	switch v := value.(type) {
	case string:
		if access.Policy.Known(auth.Permission(v)) { // api_keys:read looks like a name and its secret
			return v
		}
		return db.Text(logging.Redact(v), maxDetail)
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		if n, err := v.Float64(); err == nil {
			return n
		}
		return "!ERROR: not a JSON value"
	case []any:
		for i := range v {
			v[i] = redacted(v[i])
		}
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, inner := range v {
			if logging.Sensitive(name) {
				inner = logging.Redacted
			}
			out[db.Text(name, maxDetail)] = redacted(inner)
		}
		return out
	}
	return value
}
