package logging

import (
	"fmt"
	"io"
	"log/slog"
)

// Redacted stands in for what a log must not hold.
const Redacted = "[REDACTED]"

// Secret is a string that no formatter, encoder or log shows: fmt, encoding/json, text marshalling and slog all give
// [Redacted], also for an empty Secret, so that the output does not tell whether one is set. [Secret.Reveal] gives the
// value. The zero value is an empty Secret. Of the verbs of fmt only %p, which go vet refuses here, asks no method.
type Secret string

// Reveal returns the value itself, for the one place that needs it.
func (s Secret) Reveal() string { return string(s) }

// IsZero reports whether the Secret is empty.
func (s Secret) IsZero() bool { return s == "" }

// String returns [Redacted].
func (Secret) String() string { return Redacted }

// GoString returns [Redacted], so that %#v tells nothing either.
func (Secret) GoString() string { return Redacted }

// Format writes [Redacted] for every verb: %x and %d would bypass String.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Redacted) }

// MarshalJSON returns [Redacted] as a JSON string.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + Redacted + `"`), nil }

// MarshalText returns [Redacted], which is what YAML, TOML and XML encoders ask for.
func (Secret) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// UnmarshalText takes text as the value. It never fails.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = Secret(text)
	return nil
}

// LogValue returns [Redacted] for log/slog.
func (Secret) LogValue() slog.Value { return slog.StringValue(Redacted) }
