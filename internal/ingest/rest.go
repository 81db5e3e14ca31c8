package ingest

import (
	"iter"

	"millwright/internal/httpsource"
	"millwright/internal/ingest/spill"
)

// Rest spills what stands beside the records, so that the page can be decoded again.
func (s *sink) Rest(p []byte) error { return s.spill.Rest(p) }

// Body ends the rest of a page.
func (s *sink) Body(b httpsource.BodyInfo) error {
	return s.spill.Body(spill.Body{ContentType: b.ContentType, Whole: b.Whole, Partial: b.Partial})
}

// storedPages gives the pages of a file of raw records as they were sent.
func storedPages(r *spill.PageReader) iter.Seq2[httpsource.StoredPage, error] {
	return func(yield func(httpsource.StoredPage, error) bool) {
		for r.Next() {
			p := r.Page()
			stored := httpsource.StoredPage{Number: p.Number, URL: p.URL, ContentType: p.Body.ContentType, Received: p.Received, Partial: p.Body.Partial, Body: r.Body()}
			if !yield(stored, nil) {
				return
			}
		}
		if err := r.Err(); err != nil {
			yield(httpsource.StoredPage{}, err)
		}
	}
}
