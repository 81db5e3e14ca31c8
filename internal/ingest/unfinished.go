package ingest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"millwright/internal/httpsource"
	"millwright/internal/ingest/spill"
)

// An unfinished run keeps its pages in a folder of its own, which outlives the
// process: the next attempt at the same job goes on behind the last whole page.
type unfinished struct {
	dir  string
	lock *os.File
	mark *os.File // one bookmark a page
}

// abandoned is how old an unfinished run may get before its pages are removed.
const abandoned = 3 * 24 * time.Hour

// unfinished opens the folder of a job. It returns nil if there is no place for
// such folders, or if another attempt still writes there.
func (s *Service) unfinished(jobID string) (*unfinished, error) {
	if s.Work == "" {
		return nil, nil
	}
	u := &unfinished{dir: filepath.Join(s.Work, jobID)}
	if err := os.MkdirAll(u.dir, 0o700); err != nil {
		return nil, err
	}
	s.sweep(jobID)
	var err error
	if u.lock, err = os.OpenFile(filepath.Join(u.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return nil, err
	}
	if err := unix.Flock(int(u.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		err = errors.Join(err, u.lock.Close())
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, nil
		}
		return nil, err
	}
	return u, nil
}

// sweep removes what was left by runs that nobody took up again. What cannot be
// removed now is removed the next time.
func (s *Service) sweep(own string) {
	entries, err := os.ReadDir(s.Work)
	if err != nil {
		return
	}
	for _, e := range entries {
		dir := filepath.Join(s.Work, e.Name())
		info, err := os.Stat(filepath.Join(dir, "bookmarks.ndjson"))
		if err != nil {
			info, err = e.Info()
		}
		if err == nil && e.Name() != own && s.Now().Sub(info.ModTime()) > abandoned {
			_ = os.RemoveAll(dir)
		}
	}
}

func (u *unfinished) pagesPath() string { return filepath.Join(u.dir, "pages.ndjson.zst") }
func (u *unfinished) marksPath() string { return filepath.Join(u.dir, "bookmarks.ndjson") }

// close lets go of the folder; with remove it is gone.
func (u *unfinished) close(remove bool) {
	if u == nil {
		return
	}
	if u.mark != nil {
		_ = u.mark.Close()
	}
	if remove {
		_ = os.RemoveAll(u.dir) // else the sweep does it
	}
	_ = u.lock.Close()
}

// A bookmarkLine says where to go on behind a page.
type bookmarkLine struct {
	Page  int    `json:"page"`
	Bytes int64  `json:"bytes"` // received up to here
	Next  string `json:"next"`
}

// note adds a bookmark. It needs no sync: pages that a power cut took away are
// missing from the spill too, and one without the other counts for nothing.
func (u *unfinished) note(b bookmarkLine) error {
	if u == nil || b.Next == "" {
		return nil
	}
	line, err := json.Marshal(b)
	if err != nil {
		return err
	}
	_, err = u.mark.Write(append(line, '\n'))
	return err
}

// marks opens the file of bookmarks for adding, and empties it first if the run
// begins at its first page.
func (u *unfinished) marks(fresh bool) (err error) {
	if u.mark != nil {
		if err := u.mark.Close(); err != nil {
			return err
		}
	}
	flags := os.O_CREATE | os.O_WRONLY | os.O_APPEND
	if fresh {
		flags |= os.O_TRUNC
	}
	u.mark, err = os.OpenFile(u.marksPath(), flags, 0o600)
	return err
}

// find returns the bookmark behind a page; the zero one if there is none.
func (u *unfinished) find(page int) (found bookmarkLine) {
	file, err := os.Open(u.marksPath())
	if err != nil {
		return found
	}
	defer file.Close()
	for lines := bufio.NewReader(file); ; {
		line, err := lines.ReadBytes('\n')
		var b bookmarkLine
		// A line that was being written when the process died is no bookmark.
		if err == nil && json.Unmarshal(line, &b) == nil && b.Page == page {
			found = b
		}
		if err != nil {
			return found
		}
	}
}

// takeUp opens the spill of an earlier attempt behind its last whole page, and
// shows its records to look. It returns no writer if there is nothing to go on from.
func (u *unfinished) takeUp(ctx context.Context, limits spill.Limits, look func(record []byte) error) (*spill.Writer, bookmarkLine, error) {
	none := bookmarkLine{}
	w, last, err := spill.Resume(u.pagesPath(), limits, func(record []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return look(record)
	})
	switch {
	case ctx.Err() != nil:
		return nil, none, errors.Join(ctx.Err(), closeIf(w))
	case err != nil:
		return nil, none, nil // none there, or what cannot be read: it is fetched again
	}
	at := u.find(last.Number)
	if last.Number == 0 || at.Next == "" {
		return nil, none, closeIf(w)
	}
	return w, at, nil
}

func closeIf(w *spill.Writer) error {
	if w == nil {
		return nil
	}
	return w.Close()
}

// desk opens the sink of an attempt: behind the pages of an earlier one if resume
// is set and there are any, and else at the first page.
func (l *landing) desk(ctx context.Context, u *unfinished, resume bool) (*sink, string, error) {
	to, err := l.newSink(ctx)
	if err != nil {
		return nil, "", err
	}
	path := l.pagesPath()
	if u != nil {
		path, to.unfinished = u.pagesPath(), u
		if resume {
			w, at, err := u.takeUp(ctx, spill.Limits{Busy: to.slices.busy}, to.again)
			if err != nil {
				return nil, "", err
			}
			if w != nil {
				to.spill = w
				info := w.Info()
				to.pages, to.records, to.bytes = info.Pages, info.Records, at.Bytes
				return to, at.Next, u.marks(false)
			}
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, "", err
		}
		if err := u.marks(true); err != nil {
			return nil, "", err
		}
		if to, err = l.newSink(ctx); err != nil { // what takeUp has shown to the other counts for nothing
			return nil, "", err
		}
		to.unfinished = u
	}
	to.spill, err = spill.Create(path, spill.Limits{Busy: to.slices.busy})
	return to, "", err
}

// bring fetches into a desk and leaves the finished pages in the stage.
func (l *landing) bring(ctx context.Context, u *unfinished, resume bool) (*sink, error) {
	to, next, err := l.desk(ctx, u, resume)
	if err != nil {
		return nil, err
	}
	defer to.spill.Close()
	if next == "" {
		to.progress("fetch", "fetching pages")
	} else {
		to.progress("fetch", "going on after "+to.message())
	}
	l.outcome, err = l.Client.Fetch(ctx, l.request, httpsource.Options{Resume: next, Secrets: l.Sources.SecretsOfProject(l.datasource.ProjectID)}, to)
	// Whatever became of the run, the source may accept the old token no more.
	if err := errors.Join(err, l.keepRotated(ctx)); err != nil {
		return nil, err
	}
	if l.pages, err = to.spill.Finish(); err != nil {
		return nil, err
	}
	if u != nil {
		err = os.Rename(u.pagesPath(), l.pagesPath())
	}
	return to, err
}
