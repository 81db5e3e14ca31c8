package httpsource

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strings"

	"millwright/internal/errs"
	"millwright/internal/httpsource/decode"
	"millwright/internal/httpsource/paginate"
)

// StaleResume is the type of the error for an Options.Resume that does not fit the
// request (any more): the Fetch has to begin again.
const StaleResume = "resume-stale"

// A bookmark is where a later Fetch goes on, and what the verdict at the end has
// to know about the pages before. Its JSON is a PageEnd's Next.
type bookmark struct {
	Spec    string           `json:"spec"` // hash of the request without its secrets
	Pages   int64            `json:"pages"`
	Records int64            `json:"records"`
	Bytes   int64            `json:"bytes"`
	Decoded int64            `json:"decoded"`
	Longest int64            `json:"longest"`
	Hidden  int64            `json:"hidden,omitempty"`
	Short   bool             `json:"short,omitempty"`
	Empties int              `json:"empties,omitempty"`
	Total   int64            `json:"total,omitempty"`
	From    string           `json:"from,omitempty"` // where the total stands
	Verdict Verdict          `json:"verdict"`
	Path    decode.Finding   `json:"path"`
	Paging  paginate.Finding `json:"paging"`
	Step    paginate.Step    `json:"step"`
}

// place is the bookmark behind the page that was delivered last. It is empty if
// the way to the next page cannot be written down without a secret.
func (f *fetch) place(step paginate.Step, next *url.URL) string {
	if step.URL != "" {
		step.URL = f.strip(next).String()
	}
	for _, text := range []string{step.URL, step.Value} {
		if f.redact.Redact(text) != text {
			return ""
		}
	}
	f.mu.Lock()
	b := bookmark{Spec: f.spec.mark(), Pages: f.out.Pages, Records: f.out.Records, Bytes: f.bytes + f.earlier.Bytes, Decoded: f.decoded + f.earlier.Decoded,
		Longest: f.longest, Hidden: f.hidden, Short: f.short, Empties: f.empties, Total: f.total.n, From: f.total.from,
		Verdict: f.out.Verdict, Path: f.out.Detected.ResponsePath, Paging: f.out.Detected.Pagination, Step: step}
	f.mu.Unlock()
	text, err := json.Marshal(b)
	if err != nil {
		return "" // unreachable: all of it is plain data
	}
	return string(text)
}

// strip returns a URL without the credentials that building the request adds again.
func (f *fetch) strip(u *url.URL) *url.URL {
	c := *u
	c.User, c.RawQuery = nil, ""
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		if f.redact.Redact(pair) == pair {
			if c.RawQuery != "" {
				c.RawQuery += "&"
			}
			c.RawQuery += pair
		}
	}
	return &c
}

// mark tells whether a bookmark belongs to a request: another path or parameter
// leads to other pages, another key does not.
func (s Spec) mark() string {
	s.Options = SpecOptions{}
	s.ResponsePath = ""
	sum := sha256.Sum256(s.Public())
	return hex.EncodeToString(sum[:16])
}

// resume takes up the bookmark in the Options and returns the call that it leads to.
func (f *fetch) resume(first call) (paginate.Style, call, error) {
	stale := func() error {
		return errs.New(errs.Conflict, "the request has changed since the earlier run").Named(StaleResume).Fix("begin again")
	}
	var b bookmark
	if err := json.Unmarshal([]byte(f.opt.Resume), &b); err != nil || b.Spec != f.spec.mark() {
		return nil, first, stale()
	}
	// A person's change of how the source pages or where its rows are counts.
	if p := f.spec.Options.Pagination; p.Kind != "" && p.Kind != paginate.Auto && p.Kind != b.Paging.Setting.Kind {
		return nil, first, stale()
	}
	if p := f.spec.ResponsePath; p != "" && p != b.Path.Path {
		return nil, first, stale()
	}
	f.earlier = b
	f.spec.ResponsePath, f.spec.Options.Shape = b.Path.Path, b.Path.Shape
	f.spec.Options.Pagination = b.Paging.Setting
	f.longest, f.hidden, f.short, f.empties = b.Longest, b.Hidden, b.Short, b.Empties
	f.total = claim{b.Total, b.From}
	f.out.Pages, f.out.Records, f.out.Verdict = b.Pages, b.Records, b.Verdict
	f.out.Detected = Detected{Pagination: b.Paging, ResponsePath: b.Path}
	c, ok, err := f.follow(first, b.Step)
	if err != nil || !ok {
		return nil, first, stale()
	}
	f.tokens[c.token()] = true
	return paginate.New(b.Paging.Setting), c, nil
}
