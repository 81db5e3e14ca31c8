// Package secret keeps values that must not be printed: a string type that
// hides itself, a vault that seals values for storage, and a redactor that
// removes known values from text.
package secret

import "log/slog"

// Hidden is what a secret prints as.
const Hidden = "REDACTED"

// A String is a value that must not be printed. It shows as [Hidden] through
// fmt, encoding/json and log/slog; only [String.Reveal] gives the value.
//
// It may be a reference instead: the name of a secret that is kept elsewhere and
// looked up when it is needed. A reference has no value to reveal.
type String struct{ value, name string }

// New returns value as a secret.
func New(value string) String { return String{value: value} }

// Ref returns a reference to the secret of that name.
func Ref(name string) String { return String{name: name} }

// Reveal returns the value; "" for a reference.
func (s String) Reveal() string { return s.value }

// Name returns the name that a reference refers to; "" if s is no reference.
func (s String) Name() string { return s.name }

// Empty reports whether there is neither a value nor a reference.
func (s String) Empty() bool { return s.value == "" && s.name == "" }

// String returns Hidden, or "" if there is nothing.
func (s String) String() string {
	if s.Empty() {
		return ""
	}
	return Hidden
}

// GoString returns what String returns.
func (s String) GoString() string { return s.String() }

// MarshalText returns what String returns, so JSON never holds the value.
func (s String) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText takes text as the value.
func (s *String) UnmarshalText(text []byte) error { *s = String{value: string(text)}; return nil }

// LogValue hides the value from slog.
func (s String) LogValue() slog.Value { return slog.StringValue(s.String()) }
