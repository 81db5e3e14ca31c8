package decode

import (
	"io"
	"os"

	"millwright/internal/errs"
)

// A Spool is a body in a file that has no name any more.
type Spool struct{ File *os.File }

// NewSpool writes all of r into a file in dir, to be read from its beginning.
// An error of r comes back as it is. The caller must Remove the spool.
func NewSpool(dir string, r io.Reader) (*Spool, error) {
	file, err := os.CreateTemp(dir, "body-*")
	if err != nil {
		return nil, errs.New(errs.Internal, "no room for a temporary file").Because(err)
	}
	s := &Spool{file}
	// Gone from the folder at once, it cannot be left behind by a crash.
	if err := os.Remove(file.Name()); err != nil {
		s.Remove()
		return nil, errs.New(errs.Internal, "a temporary file cannot be removed").Because(err)
	}
	w := &diskWriter{file: file}
	_, err = io.Copy(w, r)
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		s.Remove()
		if w.failed {
			err = errs.New(errs.Unavailable, "a temporary file cannot be written").Named("disk-full").Fix("free space on the server").Because(err)
		}
		return nil, err
	}
	return s, nil
}

// Remove gives the file's space back. It does nothing to a nil Spool.
func (s *Spool) Remove() {
	if s != nil {
		s.File.Close() // nothing was promised about what is in it
	}
}

// A diskWriter tells an error of the disk from one of the source.
type diskWriter struct {
	file   *os.File
	failed bool
}

func (w *diskWriter) Write(p []byte) (int, error) {
	n, err := w.file.Write(p)
	w.failed = w.failed || err != nil
	return n, err
}
