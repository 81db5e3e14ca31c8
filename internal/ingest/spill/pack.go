package spill

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"hash"
	"hash/crc32"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"

	"millwright/internal/errs"
)

// A packer compresses frames and writes them in order, on a goroutine of its own.
//
// Compressing costs more than all else that happens to a record. So that it never
// holds up a source that is faster, nor takes processors from what a run waits for at
// its end, a frame is stored as it is while others wait, or while the run says that it
// is busy; [Pack] compresses it later. Where the disk is slower than that, it is what
// the run would wait for, and frames are compressed after all.
type packer struct {
	file *os.File
	side *os.File // the index of the pages whose frames are written
	zip  *zstd.Encoder
	busy func() bool
	end  atomic.Int64 // bytes of the file
	sum  hash.Hash    // of these
	kept int64        // bytes of records and rests that were stored as they are

	begun, written int64                // bytes that the disk was told to write, and that it wrote
	wait           func(from, to int64) // until the disk has written these bytes
	slow           bool                 // it took the disk longer than compressing would, and frames wait for it

	jobs    chan job
	waits   atomic.Int64 // bytes in jobs
	spare   chan []byte
	work    sync.WaitGroup
	stopped bool
	broken  atomic.Pointer[error] // the first error; nothing is written behind it
	out     []byte
}

// A job is a frame to write, or pages to add to the index.
type job struct {
	data  []byte
	rest  bool
	pages []Page
}

const (
	frameMost = 1 << 20 // bytes of records in a frame, if more than one
	queued    = 32      // frames that wait, rests and notes for the index among them
	crowded   = 8 << 20 // bytes that wait, from which on frames are stored as they are
	spareMost = 2 * frameMost

	writeBehind = 8 << 20 // bytes after which the disk is told to begin
	compressing = 3       // nanoseconds a byte
)

func newPacker(file, side *os.File, busy func() bool) (*packer, error) {
	zip, err := newEncoder()
	if err != nil {
		return nil, err
	}
	p := &packer{file: file, side: side, zip: zip, busy: busy, sum: sha256.New(), jobs: make(chan job, queued), spare: make(chan []byte, queued+2)}
	p.wait = func(from, to int64) {
		// What fails here fails with the sync at the end again.
		_ = unix.SyncFileRange(int(file.Fd()), from, to-from, unix.SYNC_FILE_RANGE_WAIT_BEFORE|unix.SYNC_FILE_RANGE_WRITE|unix.SYNC_FILE_RANGE_WAIT_AFTER)
		// Nobody reads it soon, and the memory serves for what comes next.
		_ = unix.Fadvise(int(file.Fd()), from, to-from, unix.FADV_DONTNEED)
	}
	p.work.Go(p.run)
	return p, nil
}

func (p *packer) run() {
	for j := range p.jobs {
		p.waits.Add(-int64(len(j.data)))
		if p.failed() == nil {
			if err := p.do(j); err != nil {
				p.broken.Store(&err)
			}
		}
		if j.data != nil && cap(j.data) <= spareMost {
			select {
			case p.spare <- j.data[:0]:
			default:
			}
		}
	}
}

// failed returns the first error there was.
func (p *packer) failed() error {
	if err := p.broken.Load(); err != nil {
		return *err
	}
	return nil
}

func (p *packer) do(j job) (err error) {
	defer errs.Wrap(&err, "spill.pack")
	if j.pages != nil {
		return p.note(j.pages)
	}
	pack := p.zip.EncodeAll
	if hasty := p.waits.Load() >= crowded || p.busy != nil && p.busy(); hasty && !p.slow && len(j.data) <= spareMost {
		pack = appendStored
		p.kept += int64(len(j.data))
	}
	p.out = appendFrame(p.out[:0], j.data, j.rest, pack)
	err = p.write(p.out)
	if cap(p.out) > 2*spareMost {
		p.out = nil
	}
	return err
}

func (p *packer) write(b []byte) error {
	n, err := p.file.Write(b)
	p.sum.Write(b[:n]) // while it is at hand: reading gigabytes again takes long
	if end := p.end.Add(int64(n)); end-p.begun >= writeBehind {
		p.push(end)
	}
	return err
}

// push has the disk begin with what was written since the last time, so that the sync
// at the end finds little that is not on it, and waits for what it began with then.
func (p *packer) push(end int64) {
	if p.begun > p.written {
		start := time.Now()
		p.wait(p.written, p.begun)
		p.slow = time.Since(start) > compressing*time.Duration(p.begun-p.written) && len(p.jobs) > queued/2
	}
	// What fails here fails with the sync at the end again.
	_ = unix.SyncFileRange(int(p.file.Fd()), p.begun, end-p.begun, unix.SYNC_FILE_RANGE_WRITE)
	p.written, p.begun = p.begun, end
}

// note adds pages to the index.
func (p *packer) note(pages []Page) error {
	for i := range pages {
		pages[i].End = p.end.Load()
	}
	lines, err := indexLines(pages)
	if err != nil {
		return err
	}
	_, err = p.side.Write(lines)
	return err
}

// records takes a frame of records and returns an empty buffer for the next one.
func (p *packer) records(lines []byte) []byte { return p.give(job{data: lines}) }

func (p *packer) give(j job) []byte {
	p.waits.Add(int64(len(j.data)))
	p.jobs <- j
	if cap(j.data) > spareMost {
		p.drain() // one long record at a time is enough to hold
	}
	select {
	case b := <-p.spare:
		return b
	default:
		return make([]byte, 0, frameMost+64<<10)
	}
}

// drain waits until all that was given is written.
func (p *packer) drain() {
	p.stop()
	p.stopped = false
	p.jobs = make(chan job, queued)
	p.work.Go(p.run)
}

func (p *packer) index(pages []Page) {
	if len(pages) > 0 {
		p.jobs <- job{pages: pages}
	}
}

func (p *packer) stop() {
	if !p.stopped {
		p.stopped = true
		close(p.jobs)
	}
	p.work.Wait()
}

// close ends the goroutine and closes the files.
func (p *packer) close() error {
	p.stop()
	return errors.Join(p.file.Close(), p.side.Close())
}

// takeUp begins behind the first end bytes of the file.
func (p *packer) takeUp(end int64) (err error) {
	if _, err = io.Copy(p.sum, io.NewSectionReader(p.file, 0, end)); err != nil {
		return err
	}
	p.kept, err = loose(p.file, end)
	p.end.Store(end)
	p.begun, p.written = end, end
	return err
}

// finish writes all that stands behind the records, and syncs.
func (p *packer) finish(info Info) error {
	p.stop()
	if err := p.failed(); err != nil {
		return err
	}
	if _, err := p.side.Seek(0, io.SeekStart); err != nil {
		return err
	}
	end, err := appendEnd(nil, p.zip, p.side, footer{index: p.end.Load(), pages: info.Pages, records: info.Records, bytes: info.Bytes})
	if err != nil {
		return err
	}
	if err := p.write(end); err != nil {
		return err
	}
	return p.file.Sync()
}

// appendEnd appends the index, whose lines are read, and the footer.
func appendEnd(dst []byte, zip *zstd.Encoder, lines io.Reader, foot footer) ([]byte, error) {
	var index bytes.Buffer
	zip.Reset(&index)
	if _, err := io.Copy(zip, lines); err != nil {
		return nil, err
	}
	if err := zip.Close(); err != nil {
		return nil, err
	}
	dst = append(dst, frameHeader(skippable, index.Len())...)
	return append(append(dst, index.Bytes()...), foot.encode()...), nil
}

// indexLines are the pages as an index has them.
func indexLines(pages []Page) (lines []byte, err error) {
	for _, page := range pages {
		line, err := json.Marshal(page)
		if err != nil {
			return nil, err
		}
		lines = append(append(lines, line...), '\n')
	}
	return lines, nil
}

// checksum adds data to a CRC-32C.
func checksum(sum uint32, data []byte) uint32 {
	return crc32.Update(sum, crc32.MakeTable(crc32.Castagnoli), data)
}
