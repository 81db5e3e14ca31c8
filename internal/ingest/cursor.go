package ingest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"millwright/internal/errs"
	"millwright/internal/httpsource"
)

// A hash stands for the content of a record.
type hash [16]byte

func sumOf(b []byte) hash {
	sum := sha256.Sum256(b)
	return hash(sum[:16])
}

// MarshalText spells the hash in hex.
func (h hash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalText reads what MarshalText wrote.
func (h *hash) UnmarshalText(text []byte) error {
	b, err := hex.AppendDecode(nil, text)
	if err == nil && len(b) != len(h) {
		err = errs.New(errs.Internal, "a stored hash has another length")
	}
	copy(h[:], b)
	return err
}

// A remembered record is one that the next run may bring again.
type remembered struct {
	Hash  hash           `json:"h"`
	Value jsontext.Value `json:"v"` // of the cursor's field; null if it had none
	Count int            `json:"n"` // how many such records were landed
}

// maxRemembered bounds the records that are remembered from one run to the next.
const maxRemembered = 50_000

// A tracker watches a run's records for its cursor. It is deterministic: shown the
// same records again, as when a run is resumed, it comes to the same end.
type tracker struct {
	setting httpsource.Cursor
	known   *CursorState // what the runs before left; nil if this one begins anew
	sent    *ordered     // what was asked for; nil if nothing was sent
	merging bool

	find    finder
	order   order
	max     *ordered
	low     *ordered // the lower end of the window that belongs to max
	window  map[hash]*remembered
	over    bool         // there were too many to remember
	lost    *ordered     // the greatest of those that were not; nil if one has no value
	left    map[hash]int // of the records known, how many this run has not brought again
	records int64
	absent  int64 // records without the field
	older   int64 // records below what was asked for
	repeats int64 // records known from before
	first   []byte
}

func newTracker(c httpsource.Cursor, known *CursorState, sent *ordered, merging bool) *tracker {
	t := &tracker{setting: c, known: known, sent: sent, merging: merging, window: map[hash]*remembered{}, left: map[hash]int{}}
	if known != nil {
		t.order = known.Order
		for _, r := range known.Records {
			t.left[r.Hash] += r.Count
		}
	}
	return t
}

// see looks at one record and reports whether it was landed by an earlier run.
func (t *tracker) see(record []byte) (repeated bool, err error) {
	t.records++
	raw, ok := t.find.field(record, t.setting.Field)
	if !ok || raw.Kind() == 'n' {
		if !ok {
			t.absent++
			if t.first == nil {
				t.first = append([]byte{}, record...)
			}
		}
		raw = jsontext.Value("null")
	}
	var v ordered
	inside := true
	if raw.Kind() != 'n' {
		if v, err = parseOrdered(raw.Clone(), t.order); err != nil {
			return false, err
		}
		t.order = v.order
		if t.isOld(v) {
			t.older++
		}
		if t.max == nil || v.compare(*t.max) > 0 {
			if err := t.rise(v); err != nil {
				return false, err
			}
		}
		inside = v.compare(*t.low) >= 0
	}
	if !t.remembers() || !inside && len(t.left) == 0 {
		return false, nil
	}
	h, err := fingerprint(record)
	if err != nil {
		return false, err
	}
	if inside {
		t.remember(h, v)
	}
	if t.left[h] > 0 {
		t.left[h]--
		t.repeats++
		return true, nil
	}
	return false, nil
}

// isOld reports whether v was not asked for.
func (t *tracker) isOld(v ordered) bool {
	if t.sent == nil || t.sent.order != v.order {
		return false
	}
	c := v.compare(*t.sent)
	return c < 0 || c == 0 && t.setting.Exclusive && t.setting.Lookback == ""
}

// remembers reports whether the source may bring records of this run again.
func (t *tracker) remembers() bool { return !t.setting.Exclusive || t.setting.Lookback != "" }

// rise makes v the greatest value.
func (t *tracker) rise(v ordered) error {
	low, err := v.before(t.setting)
	if err != nil {
		return err
	}
	t.max, t.low = &v, &low
	if t.over && t.lost != nil && low.compare(*t.lost) > 0 {
		// All that was not remembered lies behind by now.
		t.prune()
		t.over, t.lost = false, nil
	}
	return nil
}

// remember notes a record of the window; v has no order if it has no value.
func (t *tracker) remember(h hash, v ordered) {
	if r := t.window[h]; r != nil {
		r.Count++
		return
	}
	if !t.over && len(t.window) >= 2*maxRemembered {
		if t.prune(); len(t.window) > maxRemembered {
			t.over, t.lost = true, &v
		}
	}
	if !t.over {
		value := v.raw
		if value == nil {
			value = jsontext.Value("null")
		}
		t.window[h] = &remembered{Hash: h, Value: value, Count: 1}
		return
	}
	switch {
	case v.order == "" || t.lost == nil || t.lost.order == "":
		t.lost = nil // a record without a value never lies behind
	case v.compare(*t.lost) > 0:
		t.lost = &v
	}
}

// prune forgets what the window has left behind.
func (t *tracker) prune() {
	for h, r := range t.window {
		if r.Value.Kind() == 'n' || t.low == nil {
			continue
		}
		if v, err := parseOrdered(r.Value, t.order); err == nil && v.compare(*t.low) < 0 {
			delete(t.window, h)
		}
	}
}

// pageEnded fails after the first page that has records if none has the field:
// the rest would be fetched for nothing.
func (t *tracker) pageEnded() error {
	if t.records == 0 || t.absent < t.records || t.max != nil {
		return nil
	}
	return errs.New(errs.Invalid, "no record has the cursor's field %q; the keys that exist are: %s", t.setting.Field, keys(t.first)).
		Named("cursor-field-missing").At("/options/run/cursor/field").Fix("name one of the keys that exist, with dots between nested ones")
}

// end returns what the next run has to know: nil if it is what this one knew.
func (t *tracker) end() (*CursorState, error) {
	if err := t.pageEnded(); err != nil {
		return nil, err
	}
	if !t.merging && t.known != nil && t.older > 0 {
		return nil, errs.New(errs.Upstream, "%d of %d records are not newer than what %s=%s asked for: the source seems to ignore it, or to read it another way, and they were landed before",
			t.older, t.records, t.setting.Param, clip(string(t.sent.raw))).Named("cursor-ignored").
			Fix("check the parameter's name and place against the API's documentation", "use mode merge, which lands a row once however often it comes")
	}
	state := &CursorState{Field: t.setting.Field, Order: t.order}
	if t.known != nil {
		if err := t.keepKnown(); err != nil {
			return nil, err
		}
	}
	if t.max == nil {
		return nil, nil
	}
	state.Value = t.max.raw
	if !t.remembers() {
		return state, nil
	}
	t.prune()
	if t.over = t.over || len(t.window) > maxRemembered; t.over {
		if t.merging {
			return state, nil // a merge is right without; it only stores more versions
		}
		return nil, errs.New(errs.TooLarge, "more than %d records lie at or after %s, which the next run will bring again; so many are not remembered",
			maxRemembered, clip(string(t.low.raw))).Named("cursor-window-too-large").
			Fix("use mode merge with a key", "choose a field with finer values, or a shorter lookback")
	}
	for _, r := range t.window {
		state.Records = append(state.Records, *r)
	}
	return state, nil
}

// keepKnown takes over what earlier runs left and this one did not bring again.
func (t *tracker) keepKnown() error {
	if t.known.Value != nil {
		v, err := parseOrdered(t.known.Value, t.order)
		if err != nil {
			return err
		}
		if t.max == nil || v.compare(*t.max) > 0 {
			if err := t.rise(v); err != nil {
				return err
			}
		}
	}
	if t.merging {
		return nil // only what this run has seen is known to be the newest of its key
	}
	for _, r := range t.known.Records {
		if now := t.window[r.Hash]; now == nil {
			c := r
			t.window[r.Hash] = &c
		} else {
			now.Count = max(now.Count, r.Count)
		}
	}
	return nil
}

// A CursorState is what a datasource's runs remember from one to the next.
type CursorState struct {
	Field   string         `json:"field"`
	Order   order          `json:"order"`
	Value   jsontext.Value `json:"value,omitempty"` // the greatest; a JSON string or number
	Records []remembered   `json:"records,omitempty"`
}

func (s *CursorState) encode() (string, error) {
	text, err := json.Marshal(s)
	return string(text), err
}

// next returns what the next run will ask for; nil if nothing.
func (s *CursorState) next(c httpsource.Cursor) (*ordered, error) {
	if s == nil || s.Value == nil {
		if c.Start == nil {
			return nil, nil
		}
		v, err := parseOrdered(c.Start, "")
		return &v, err
	}
	if s.Field != c.Field {
		return nil, errs.New(errs.Conflict, "the runs before remember values of %q, and the cursor's field is %q now", s.Field, c.Field).
			Named("cursor-field-changed").At("/options/run/cursor/field").
			Fix("run once with mode replace, which begins anew", "or forget the value with DELETE /v1/datasources/{id}/cursor")
	}
	v, err := parseOrdered(s.Value, s.Order)
	if err != nil {
		return nil, err
	}
	v, err = v.before(c)
	return &v, err
}

// describe says what was remembered, for a message.
func (s *CursorState) describe(c httpsource.Cursor) string {
	if s == nil || s.Value == nil {
		return ""
	}
	return fmt.Sprintf(" since %s %s", c.Field, strings.Trim(string(s.Value), `"`))
}
