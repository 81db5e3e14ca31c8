// Package secret keeps values that must not be printed: a string type that
// hides itself, a vault that seals values for storage, and a redactor that
// removes known values from text.
package secret

import "log/slog"

// Hidden is what a secret prints as.
const Hidden = "REDACTED"

// A String is a value that must not be printed. It shows as [Hidden] through
// fmt, encoding/json and log/slog; only [String.Reveal] gives the value.
type String struct{ value string }

// New returns value as a secret.
func New(value string) String { return String{value} }

// Reveal returns the value.
func (s String) Reveal() string { return s.value }

// Empty reports whether the value is empty.
func (s String) Empty() bool { return s.value == "" }

// String returns Hidden, or "" if there is no value.
func (s String) String() string {
	if s.value == "" {
		return ""
	}
	return Hidden
}

// GoString returns what String returns.
func (s String) GoString() string { return s.String() }

// MarshalText returns what String returns, so JSON never holds the value.
func (s String) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText takes text as the value.
func (s *String) UnmarshalText(text []byte) error { s.value = string(text); return nil }

// LogValue hides the value from slog.
func (s String) LogValue() slog.Value { return slog.StringValue(s.String()) }
