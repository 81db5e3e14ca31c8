package ingest

import (
	"context"
	"fmt"
	"time"

	"millwright/internal/httpsource"
	"millwright/internal/ingest/spill"
	"millwright/internal/ingest/typing"
	"millwright/internal/job"
)

// reportEvery bounds how often progress is computed between the ends of pages.
const reportEvery = 500

// A sink spills what is fetched, watches its types, and tells how far it is.
type sink struct {
	ctx     context.Context
	run     *job.Run
	spill   *spill.Writer
	types   *typing.Observer
	watch   *watcher
	slices  *slicer // nil if nothing is converted yet
	step    func(ctx context.Context, name string) error
	pages   int64
	records int64
	bytes   int64
	line    []byte // of again

	unfinished *unfinished // nil if nothing is kept for a later attempt
	read       *progress   // of a file: how much of it was read; nil for pages
}

// BeginPage opens a page in the spill's index.
func (s *sink) BeginPage(p httpsource.Page) error {
	return s.spill.BeginPage(spill.Page{Number: p.Number, URL: p.URL})
}

// Record spills one record, looks at its types and begins to convert it.
func (s *sink) Record(raw []byte) error {
	at := s.watch.seen
	land, err := s.look(raw)
	if err != nil {
		return err
	}
	if err := s.spill.Record(raw); err != nil {
		return err
	}
	if land {
		s.slices.add(at, s.spill.Line())
	}
	s.records++
	if s.records%reportEvery == 0 {
		s.progress("fetch", s.message())
	}
	return nil
}

// again takes a record that an earlier attempt spilled.
func (s *sink) again(record []byte) error {
	at := s.watch.seen
	land, err := s.look(record)
	if err != nil || !land {
		return err
	}
	s.line = append(append(s.line[:0], record...), '\n')
	s.slices.add(at, s.line)
	return nil
}

// look notes what a record means for types, key and cursor, and reports whether it is
// to be landed.
func (s *sink) look(raw []byte) (land bool, err error) {
	if land, err = s.watch.see(raw); err != nil || !land {
		return false, err
	}
	return true, s.types.Observe(raw)
}

// EndPage closes the page.
func (s *sink) EndPage(p httpsource.PageEnd) error {
	s.pages++
	s.bytes += p.Bytes
	s.progress("fetch", s.message())
	if err := s.watch.pageEnded(); err != nil {
		return err
	}
	if err := s.step(s.ctx, "page"); err != nil {
		return err
	}
	if err := s.spill.EndPage(p.Bytes); err != nil {
		return err
	}
	return s.unfinished.note(bookmarkLine{Page: p.Number, Bytes: s.bytes, Next: p.Next})
}

func (s *sink) message() string {
	if s.read != nil {
		return s.read.message(s.records)
	}
	return fmt.Sprintf("%d pages, %d records", s.pages, s.records)
}

// Waiting tells what the run waits for, so that a throttled run does not look
// like a hang.
func (s *sink) Waiting(reason string, until time.Time) {
	s.run.Progress(s.ctx, job.Progress{Phase: "fetch", Message: s.message(), Pages: s.pages, Records: s.records, Bytes: s.bytes,
		Waiting: reason, WaitingUntil: &until})
}

func (s *sink) progress(phase, message string) {
	p := job.Progress{Phase: phase, Message: message, Pages: s.pages, Records: s.records, Bytes: s.bytes}
	if s.read != nil {
		p.Bytes, p.Fraction = s.read.bytes.Load(), s.read.fraction()
	}
	s.run.Progress(s.ctx, p)
}
