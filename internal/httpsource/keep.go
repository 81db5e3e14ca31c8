package httpsource

import (
	"bytes"

	"millwright/internal/httpsource/decode"
)

// A Keeper is a Sink that also takes what stands beside the records of a page, so
// that the page can be decoded again: see [Client.Replay].
type Keeper interface {
	Sink

	// Rest takes the next bytes of the page's body, as UTF-8 and with secrets hidden,
	// that are in no record. decode.RecordHere stands where a record stood, and
	// decode.RecordMade behind bytes that a record was made of. It is called between
	// BeginPage and EndPage; how its calls and those of Record alternate means
	// nothing. p is valid only during the call.
	Rest(p []byte) error

	// Body ends the rest of a page. It is called once, before EndPage.
	Body(BodyInfo) error
}

// BodyInfo says what the rest of a page is.
type BodyInfo struct {
	ContentType string // as the source declared it
	Whole       bool   // the rest is all of the body, and has no marks: records are no parts of it
	Partial     bool   // the page was left at a limit of records, and the body ends there
}

// A remainder hides secrets in what goes to a Keeper.
type remainder struct {
	f      *fetch
	to     Keeper
	tokens bool   // the bytes come in whole tokens of JSON
	held   []byte // text that has not come to a line's end
	given  int    // bytes so far
}

// Sizes of a remainder.
const (
	closely  = 1 << 20  // so much of a page is searched for every spelling of a secret
	lineHeld = 64 << 10 // text is cut into pieces of at least so much
	lineMost = 4 << 20  // and of at most so much, if no line ends
)

func (r *remainder) write(p []byte) error {
	if r.tokens {
		if r.suspect(p) {
			p = r.f.scrub(p)
		}
		return r.give(p)
	}
	r.held = append(r.held, p...)
	if len(r.held) < lineHeld {
		return nil
	}
	// A secret does not go over the end of a line or of an element.
	end := bytes.LastIndexAny(r.held, "\n>") + 1
	if end == 0 && len(r.held) < lineMost {
		return nil
	}
	if end == 0 {
		end = len(r.held)
	}
	return r.text(end)
}

// Write implements io.Writer.
func (r *remainder) Write(p []byte) (int, error) { return len(p), r.write(p) }

// text gives the first n bytes of what is held.
func (r *remainder) text(n int) error {
	p := r.held[:n]
	if r.suspect(p) {
		p = []byte(r.f.redact.Redact(string(p)))
	}
	err := r.give(p)
	r.held = r.held[:copy(r.held, r.held[n:])]
	return err
}

// suspect reports whether p may hold a secret. Links and echoed parameters, where a
// secret is spelled in other ways, stand in what is short or comes first.
func (r *remainder) suspect(p []byte) bool {
	return !r.f.redact.empty() && (r.given < closely || r.f.redact.Found(p, longSecret))
}

func (r *remainder) give(p []byte) error {
	r.given += len(p)
	if err := r.to.Rest(p); err != nil {
		return fromSink{err}
	}
	return nil
}

// end gives what is held and ends the rest.
func (r *remainder) end(info BodyInfo) error {
	if err := r.text(len(r.held)); err != nil {
		return err
	}
	if err := r.to.Body(info); err != nil {
		return fromSink{err}
	}
	return nil
}

// isText reports whether bodies of a shape are no JSON.
func isText(s decode.Shape) bool { return s.Base() == decode.CSV || s.Base() == decode.XML }
