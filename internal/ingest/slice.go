package ingest

import (
	"bufio"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"millwright/internal/engine"
	"millwright/internal/errs"
	"millwright/internal/ingest/typing"
)

const (
	// sliceBytes is how many bytes of records make a Parquet file. Smaller files cost
	// more to make and to open; of larger ones more is left to convert when the last
	// page has come, and each takes that much more memory while it is converted.
	sliceBytes = 64 << 20

	// smallSlices begin a run: a quarter and a half of the others, so that there is
	// something to convert soon.
	smallSlices = 2

	// sliceQueue is how many slices may wait for their conversion, which bounds the
	// disk that they take.
	sliceQueue = 8

	// sliceConverters is how many are converted at once, as far as the engine lets them.
	sliceConverters = 2

	// slicePatience is how long a run waits for its conversions when so many wait.
	// Slices that come later are converted from the raw pages at the end.
	slicePatience = 10 * time.Second

	sliceBuffer = 256 << 10
)

// A slice is a run of records that become one Parquet file.
type slice struct {
	first, end int64 // records of the run from first on and before end, counted from 0; those that are skipped too
	landed     int64 // of these, those that are not skipped
	bytes      int64 // of their lines
	longest    int64 // of their lines, in bytes
	path       string
	types      typing.Result // as they were known when it ended
	output     string
	made       engine.Converted
	done       bool // output holds the records, as of types
}

// A slicer cuts the records of a run into slices, and converts these with the types
// that are known so far while more records arrive.
//
// It is there for speed alone: whatever fails here is no error of the run, and is
// done again from the raw pages when all types are known; see landing.convert.
// add, cut and types are called from one goroutine, and convert runs on others.
type slicer struct {
	dir    string
	limit  int64
	decide func() typing.Result // the types of all records so far

	all  []*slice
	open *slice // the last of all, which still grows; nil if the next record begins one
	file *os.File
	buf  []byte

	ctx    context.Context
	queue  chan *slice
	room   chan struct{} // holds one for each slice that has a file
	spare  chan string   // files of slices that were converted
	work   sync.WaitGroup
	cancel context.CancelFunc
	closed bool
}

func newSlicer(ctx context.Context, stage string, limit int64, decide func() typing.Result, convert func(context.Context, *slice) error) (*slicer, error) {
	dir, err := os.MkdirTemp(stage, "slices-")
	if err != nil {
		return nil, err
	}
	if limit <= 0 {
		limit = sliceBytes
	}
	s := &slicer{dir: dir, limit: limit, decide: decide, queue: make(chan *slice, sliceQueue+1), room: make(chan struct{}, sliceQueue+1),
		spare: make(chan string, sliceQueue+1)}
	s.ctx, s.cancel = context.WithCancel(ctx)
	for range sliceConverters {
		s.work.Go(func() {
			for one := range s.queue {
				if s.ctx.Err() == nil && one.path != "" {
					one.done = convert(s.ctx, one) == nil
				}
				s.reuse(one)
				<-s.room
			}
		})
	}
	return s, nil
}

// busy reports whether slices are or wait to be converted.
func (s *slicer) busy() bool {
	return s != nil && len(s.room) > 1 // one is open
}

// add takes a line, the record of which is the at-th of the run and is to be landed. It
// does not keep it.
func (s *slicer) add(at int64, line []byte) {
	if s == nil {
		return
	}
	if s.open == nil {
		s.begin(at)
	}
	one := s.open
	s.buf = append(s.buf, line...)
	one.end = at + 1
	one.landed++
	one.bytes += int64(len(line))
	one.longest = max(one.longest, int64(len(line)))
	if len(s.buf) >= sliceBuffer {
		s.flush()
	}
	if one.bytes >= s.limit>>max(0, smallSlices+1-len(s.all)) {
		s.cut(s.decide())
	}
}

// begin opens a slice at a record, and a file for it if not too many wait.
func (s *slicer) begin(at int64) {
	name := filepath.Join(s.dir, strconv.Itoa(len(s.all)))
	s.open = &slice{first: at, end: at, output: name + ".parquet"}
	s.all = append(s.all, s.open)
	if !s.hasRoom() {
		return
	}
	file, err := s.blank(name + ".ndjson")
	if err != nil {
		<-s.room
		return
	}
	s.file, s.open.path = file, file.Name()
}

// blank opens a file whose content does not matter: a new one of that name, if none is
// left from another slice. What is written into one again finds its memory and its place
// on the disk there; for gigabytes of new files both take as long as all the parsing.
func (s *slicer) blank(name string) (*os.File, error) {
	select {
	case old := <-s.spare:
		return os.OpenFile(old, os.O_WRONLY, 0)
	default:
		return os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	}
}

// reuse keeps the file of a slice for another one.
func (s *slicer) reuse(one *slice) {
	if one.path != "" {
		s.spare <- one.path // there is a place for each that has room
		one.path = ""
	}
}

// hasRoom takes the place of a file, and waits for it a while. It reports whether it
// has one, and the disk has so much space that files which only save time take none
// from what has to be stored.
func (s *slicer) hasRoom() bool {
	var disk unix.Statfs_t
	if err := unix.Statfs(s.dir, &disk); err != nil || int64(disk.Bavail)*int64(disk.Bsize) < 2*(sliceQueue+1)*s.limit {
		return false
	}
	select {
	case s.room <- struct{}{}:
		return true
	default:
	}
	patience := time.NewTimer(slicePatience)
	defer patience.Stop()
	select {
	case s.room <- struct{}{}:
		return true
	case <-patience.C:
	case <-s.ctx.Done():
	}
	return false
}

func (s *slicer) flush() {
	if s.file != nil {
		if _, err := s.file.Write(s.buf); err != nil {
			s.lose()
		}
	}
	s.buf = s.buf[:0]
	if cap(s.buf) > 2*sliceBuffer {
		s.buf = nil
	}
}

// lose gives up the file of the open slice.
func (s *slicer) lose() {
	_ = s.file.Close() // it is not needed any more
	s.file = nil
	s.open.drop()
	<-s.room
}

// cut ends the open slice, whose records have these types.
func (s *slicer) cut(types typing.Result) {
	one := s.open
	if one == nil {
		return
	}
	s.flush()
	one.types = types
	if s.file != nil {
		if err := errors.Join(s.file.Truncate(one.bytes), s.file.Close()); err != nil {
			one.drop()
		}
		s.queue <- one
	}
	s.file, s.open = nil, nil
}

// last returns the types of the slice that was cut last; nil if there is none.
func (s *slicer) last() *typing.Result {
	if s == nil {
		return nil
	}
	for i := len(s.all) - 1; i >= 0; i-- {
		if s.all[i] != s.open {
			return &s.all[i].types
		}
	}
	return nil
}

// end cuts the last slice and waits until all are converted that can be.
func (s *slicer) end(types typing.Result) []*slice {
	if s == nil {
		return nil
	}
	s.cut(types)
	s.close()
	return s.all
}

func (s *slicer) close() {
	if !s.closed {
		s.closed = true
		close(s.queue)
	}
	s.work.Wait()
	s.cancel()
	for len(s.spare) > 0 {
		path := <-s.spare
		_, _ = os.Remove(path), os.Remove(normalPath(path)) // else they go with the stage
	}
}

// stop ends all that goes on, so that the stage can be removed.
func (s *slicer) stop() {
	if s == nil {
		return
	}
	s.cancel()
	if s.file != nil {
		s.lose()
	}
	s.close()
}

// drop removes the slice's records.
func (s *slice) drop() {
	if s.path != "" {
		_ = os.Remove(s.path) // else it goes with the stage
		s.path = ""
	}
}

// normalPath is where the records of a slice's file are in normal form.
func normalPath(path string) string { return path + ".normal.ndjson" }

// makeSlice converts a slice from its records.
func (l *landing) makeSlice(ctx context.Context, s *slice) error {
	input, longest := s.path, s.longest
	if !s.types.Direct {
		input = normalPath(input) // which is written again for another slice, like s.path
		var err error
		if longest, err = normalize(ctx, s.path, s.types, input); err != nil {
			return err
		}
	}
	if err := l.convertSlice(ctx, s, input, longest); err != nil {
		return err
	}
	l.sealing.Go(func() { l.seal(ctx, s.output, "") })
	return nil
}

// convertSlice makes the slice's Parquet file of its records in normal form, the
// longest of so many bytes.
func (l *landing) convertSlice(ctx context.Context, s *slice, input string, longest int64) (err error) {
	s.made, err = l.Engine.Convert(ctx, engine.Conversion{Input: input, Output: s.output, Schema: s.types.Schema,
		Dir: filepath.Dir(s.output), Longest: longest})
	if err != nil {
		return err
	}
	if s.made.Rows != s.landed {
		err = errs.New(errs.Internal, "%d records became %d rows; nothing is kept", s.landed, s.made.Rows)
		return errors.Join(err, os.Remove(s.output))
	}
	return nil
}

// seal makes a file durable while others are converted; sum is its hash, if that is
// known. What fails here is done when
// it is published.
func (l *landing) seal(ctx context.Context, path, sum string) {
	if err := l.Blobs.Seal(ctx, path, sum); err != nil && ctx.Err() == nil {
		l.Log.Warn("a file was not sealed ahead", "err", err)
	}
}

// normalize writes the records of a file in normal form, and returns the length of
// the longest.
func normalize(ctx context.Context, in string, types typing.Result, out string) (longest int64, err error) {
	from, err := os.Open(in)
	if err != nil {
		return 0, err
	}
	defer from.Close()
	to, err := createLines(out)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, to.close()) }()
	norm := types.Normalizer()
	lines := bufio.NewScanner(from)
	lines.Buffer(make([]byte, 0, sliceBuffer), longestLine)
	for n := int64(0); lines.Scan(); n++ {
		if n%lookEvery == 0 && ctx.Err() != nil {
			return 0, ctx.Err()
		}
		if err := to.add(norm, lines.Bytes()); err != nil {
			return 0, err
		}
	}
	return to.longest, lines.Err()
}

// longestLine is more than any record has that was spilled.
const longestLine = 64<<20 + 2

// A lineFile is a file of records in normal form, not compressed: it is read once. It may
// lie over an older one; see slicer.blank.
type lineFile struct {
	file    *os.File
	buf     *bufio.Writer
	line    []byte
	size    int64
	longest int64
}

func createLines(path string) (*lineFile, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return &lineFile{file: file, buf: bufio.NewWriterSize(file, sliceBuffer)}, nil
}

func (f *lineFile) add(norm *typing.Normalizer, record []byte) (err error) {
	if f.line, err = norm.Append(f.line[:0], record); err != nil {
		return err
	}
	f.line = append(f.line, '\n')
	f.size += int64(len(f.line))
	f.longest = max(f.longest, int64(len(f.line)))
	_, err = f.buf.Write(f.line)
	return err
}

func (f *lineFile) close() error {
	return errors.Join(f.buf.Flush(), f.file.Truncate(f.size), f.file.Close())
}
