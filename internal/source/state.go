package source

import (
	"strings"

	"millwright/internal/errs"
)

// A Status says whether a datasource can be queried.
type Status string

// The statuses.
const (
	Created Status = "created" // configured, never run
	Working Status = "working" // a run is on its way; Phase says where
	Ready   Status = "ready"   // the last run succeeded
	Failed  Status = "failed"  // the last run failed; Message says why
)

// ParseState reads a client's status and phase. Clients of several ages are
// about: a status may be one of ours, one of the older words for the same
// (sync_completed is ready), or the name of a phase, which means working in that
// phase. An empty status means created. An unknown word is errs.Invalid.
func ParseState(status, phase string) (Status, string, error) {
	word := strings.ToLower(strings.TrimSpace(status))
	switch s := Status(word); s {
	case "":
		return Created, phase, nil
	case Created, Working, Ready, Failed:
		return s, phase, nil
	}
	known := Working
	switch {
	case word == "sync_completed", word == "completed":
		known = Ready
	case strings.HasSuffix(word, "_error"), word == "error":
		known = Failed
	case word == "sync_waiting", word == "started", word == "in_progress", isPhase(word):
	default:
		return "", "", errs.New(errs.Invalid, "unknown status %q", clip(status)).Named("unknown-status").At("/status").
			Fix("use created, working, ready or failed", "or a phase such as sync_started, which means working")
	}
	// The client's own phase says more than the word we translate.
	if phase == "" {
		phase = word
	}
	return known, phase, nil
}

func isPhase(word string) bool {
	for _, act := range []string{"upload", "sync", "convert", "generate_schema", "transformation"} {
		if step, ok := strings.CutPrefix(word, act+"_"); ok {
			return step == "started" || step == "in_progress" || step == "completed"
		}
	}
	return false
}

func clip(text string) string {
	if r := []rune(text); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return text
}
