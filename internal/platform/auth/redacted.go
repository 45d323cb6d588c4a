package auth

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// redacted, embedded, keeps a type from being shown by fmt, encoding/json, text encoders, slog and the log.
type redacted struct{}

// String returns [logging.Redacted].
func (redacted) String() string { return logging.Redacted }

// Format writes [logging.Redacted] for every verb.
func (redacted) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, logging.Redacted) }

// MarshalJSON returns [logging.Redacted] as a JSON string.
func (redacted) MarshalJSON() ([]byte, error) { return []byte(`"` + logging.Redacted + `"`), nil }

// MarshalText returns [logging.Redacted].
func (redacted) MarshalText() ([]byte, error) { return []byte(logging.Redacted), nil }

// LogValue returns [logging.Redacted] for log/slog.
func (redacted) LogValue() slog.Value { return slog.StringValue(logging.Redacted) }
