package upload

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// A Part is bytes of a file, as they come.
type Part struct {
	Offset int64 // where they belong
	Body   io.Reader
	Stop   func() // makes a Read of Body that waits return soon; may be nil
}

// A writer adds to a file. There is one at most: of two senders that believe to be
// the only one, the earlier has lost its connection, and does not know it yet.
type writer struct {
	stop func()
	done chan struct{}
}

// takeOver stops who adds to the file, waits until that has ended, and keeps others
// away until release.
func (s *Store) takeOver(id ID) (release func()) { return s.enter(id, func() {}) }

func (s *Store) enter(id ID, stop func()) (release func()) {
	own := &writer{stop: stop, done: make(chan struct{})}
	for {
		s.mu.Lock()
		if s.writers == nil {
			s.writers = map[ID]*writer{}
		}
		other, busy := s.writers[id]
		if !busy {
			s.writers[id] = own
			s.mu.Unlock()
			return func() {
				s.mu.Lock()
				delete(s.writers, id)
				s.mu.Unlock()
				close(own.done)
			}
		}
		s.mu.Unlock()
		other.stop()
		<-other.done
	}
}

// Settled returns the upload once nobody adds to it any more: an earlier sender is
// stopped. What it says has come is durable.
func (s *Store) Settled(ctx context.Context, id ID) (u Upload, err error) {
	defer errs.Wrap(&err, "upload.Settled")
	if u, err = s.Get(ctx, id); err != nil || u.Complete {
		return u, err
	}
	release := s.takeOver(id)
	defer release()
	if err := s.sync(id); err != nil {
		return Upload{}, err
	}
	return s.Get(ctx, id)
}

// sync makes what has come durable.
func (s *Store) sync(id ID) error {
	path, err := s.Path(id)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close(), syncDir(s.Dir))
}

// Append adds a part to an upload that is not complete, and returns the upload as it
// is then. What came before an error stays, and is durable; the error of the body is
// returned. It fails with errs.Conflict ("upload-offset") if the part belongs
// elsewhere, and with errs.TooLarge if the file gets larger than it may, in which
// case nothing of it is kept.
func (s *Store) Append(ctx context.Context, id ID, p Part) (u Upload, err error) {
	defer errs.Wrap(&err, "upload.Append")
	stop := p.Stop
	if stop == nil {
		stop = func() {}
	}
	release := s.enter(id, stop)
	defer release()
	if u, err = s.Get(ctx, id); err != nil {
		return u, err
	}
	switch {
	case u.Complete:
		return u, errs.New(errs.Conflict, "the upload is complete already").Named("upload-complete")
	case p.Offset != u.Offset:
		return u, errs.New(errs.Conflict, "the upload is at byte %d, and the part begins at byte %d", u.Offset, p.Offset).Named("upload-offset").
			Fix("ask for the offset with HEAD, and send the rest from there")
	}
	limit := s.Limit()
	if u.Length != nil {
		limit = min(limit, *u.Length)
	}
	n, err := s.receive(id, p, limit)
	u.Offset += n
	if e, ok := errs.Find(err); ok && e.Kind == errs.TooLarge {
		if u.Length != nil && *u.Length < s.Limit() {
			err = errs.New(errs.Invalid, "more bytes came than the %d that were announced", *u.Length).Named("upload-length")
		}
		return u, errors.Join(err, s.RemoveTx(ctx, s.DB.Write(), id), s.Drop(id))
	}
	late := context.WithoutCancel(ctx)
	_, noted := s.DB.Write().ExecContext(late, `UPDATE uploads SET updated_at = ? WHERE id = ?`, meta.Micros(s.Now()), id)
	return u, errors.Join(err, noted)
}

// Receive stores a whole file that has no row yet, under a new id: see CreateTx. If
// it fails, nothing is kept.
func (s *Store) Receive(body io.Reader) (id ID, n int64, err error) {
	defer errs.Wrap(&err, "upload.Receive")
	id = NewID()
	if n, err = s.receive(id, Part{Body: body}, s.Limit()); err != nil {
		return "", 0, errors.Join(err, s.Drop(id))
	}
	return id, n, nil
}

// receive writes the body behind what is there, up to limit bytes in all, and makes
// it durable.
func (s *Store) receive(id ID, p Part, limit int64) (n int64, err error) {
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return 0, err
	}
	path, err := s.Path(id)
	if err != nil {
		return 0, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return 0, full(err)
	}
	room := limit - p.Offset
	n, err = io.Copy(f, io.LimitReader(p.Body, room+1))
	if err == nil && n > room {
		err = s.fits(limit + 1)
		if err == nil {
			err = errs.New(errs.TooLarge, "more bytes came than were announced")
		}
	}
	return n, errors.Join(full(err), full(f.Sync()), f.Close(), syncDir(s.Dir))
}

// full names what a person can act on.
func full(err error) error {
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) || errors.Is(err, unix.EFBIG) {
		return errs.New(errs.Unavailable, "the disk that holds the data folder is full").Named("disk-full").
			Fix("free space on that disk, and send the rest").After(30 * time.Second).Because(err)
	}
	return err
}

func syncDir(path string) error {
	d, err := os.Open(filepath.Clean(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
