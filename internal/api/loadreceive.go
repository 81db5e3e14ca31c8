package api

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"path"
	"strings"
	"sync/atomic"
	"time"

	"millwright/internal/errs"
)

const (
	uploadIdle  = time.Minute // a sender that sends nothing for so long is gone
	formField   = 64 << 10    // bytes of a field that is no file
	formFields  = 100
	formAllowed = 1 << 20 // bytes of a form beside its file
)

// receive stores the file that a load sends, as a part of a form or as the body, and
// reads the fields of the form. There may be none: see begin.
func (s *Server) receive(in *loadInput) (received, error) {
	r := in.request
	if err := s.refuseLarge(r); err != nil {
		return received{}, err
	}
	body := &patient{body: r.Body, control: http.NewResponseController(in.writer)}
	defer body.end()
	if in.SourceURL != "" && !isForm(r) {
		return received{}, nil // a client may send an empty JSON object beside it
	}
	came, err := s.receiveBody(body, r, in.setField)
	if e, ok := errs.Find(err); ok && e.Type == "file-empty" && in.SourceURL != "" {
		return received{}, nil
	}
	if !isForm(r) {
		came.name = fileName(r, in.Name)
	}
	return came, err
}

func isForm(r *http.Request) bool {
	return strings.HasPrefix(strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Type"))), "multipart/")
}

// receiveBody stores the file that the body is, or that the form holds whose other
// fields go to set.
func (s *Server) receiveBody(body io.Reader, r *http.Request, set func(*multipart.Part) error) (received, error) {
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if isForm(r) {
		if err != nil || params["boundary"] == "" {
			return received{}, badForm("its Content-Type names no boundary", err)
		}
		return s.receiveForm(multipart.NewReader(body, params["boundary"]), set)
	}
	came := received{contentType: r.Header.Get("Content-Type")}
	if media == "application/x-www-form-urlencoded" {
		came.contentType = "" // curl calls everything that
	}
	id, n, err := s.Uploads.Receive(body)
	if err != nil {
		return received{}, ofBody(err)
	}
	if n == 0 {
		return received{}, errors.Join(emptyUpload(), s.Uploads.Drop(id))
	}
	came.id = id
	return came, nil
}

func emptyUpload() error {
	return errs.New(errs.Invalid, "no file came, or an empty one").Named("file-empty").
		Fix("send the file as the part file of a form, or as the body", "or name where it is with source_url")
}

// refuseLarge refuses a body that says that it is too large, before it is sent.
func (s *Server) refuseLarge(r *http.Request) error {
	if r.ContentLength <= s.Uploads.Limit()+formAllowed {
		return nil
	}
	return s.Uploads.TooLarge()
}

// A patient reads a body until nothing comes for long, or until it is stopped.
type patient struct {
	body    io.Reader
	control *http.ResponseController
	stopped atomic.Bool
}

// Read waits for more of the body. A writer without deadlines is a test's.
func (p *patient) Read(b []byte) (int, error) {
	_ = p.control.SetReadDeadline(time.Now().Add(uploadIdle))
	if p.stopped.Load() {
		return 0, errs.New(errs.Conflict, "another request goes on with this upload").Named("upload-taken-over")
	}
	return p.body.Read(b)
}

// stop makes a Read that waits return, and later ones fail.
func (p *patient) stop() {
	p.stopped.Store(true)
	_ = p.control.SetReadDeadline(time.Now())
}

// end must be called when nothing more is read: a deadline that stays would end the
// request's context when it passes.
func (p *patient) end() { _ = p.control.SetReadDeadline(time.Time{}) }

// fileName returns how the sender calls the body.
func fileName(r *http.Request, chosen string) string {
	if _, params, err := mime.ParseMediaType(r.Header.Get("Content-Disposition")); err == nil && params["filename"] != "" {
		return path.Base(strings.ReplaceAll(params["filename"], `\`, "/"))
	}
	return orText(path.Base(chosen), "file")
}

// receiveForm reads a form from front to back: fields may stand before the file and
// behind it.
func (s *Server) receiveForm(form *multipart.Reader, set func(*multipart.Part) error) (came received, err error) {
	defer func() {
		if err != nil && came.id != "" {
			err = errors.Join(err, s.Uploads.Drop(came.id))
		}
	}()
	for range formFields {
		part, err := form.NextPart()
		switch {
		case err == io.EOF && came.id == "":
			return came, emptyUpload()
		case err == io.EOF:
			return came, nil
		case err != nil:
			return came, badForm("a part of it cannot be read", err)
		}
		if part.FormName() != "file" && part.FileName() == "" {
			if err := set(part); err != nil {
				return came, err
			}
			continue
		}
		if came.id != "" {
			return came, errs.New(errs.Invalid, "the form holds two files").Named("load-twice").At("file").Fix("load one file at a time")
		}
		came.name, came.contentType = orText(part.FileName(), "file"), part.Header.Get("Content-Type")
		var n int64
		if came.id, n, err = s.Uploads.Receive(part); err != nil {
			return came, ofBody(err)
		}
		if n == 0 {
			return came, emptyUpload()
		}
	}
	return came, badForm("it has more than 100 parts", nil)
}

// setField takes a field of the form, unless the query has it. Fields that mean
// nothing to us are a client's habit.
func (in *loadInput) setField(part *multipart.Part) error {
	text, err := io.ReadAll(io.LimitReader(part, formField+1))
	if err != nil {
		return badForm("a part of it cannot be read", err)
	}
	if len(text) > formField {
		return errs.New(errs.TooLarge, "the field %q of the form is larger than 64 KB", clipText(part.FormName())).Named("form-field-too-large").
			Fix("send the file as the part file, with a filename")
	}
	if to, ok := in.fields()[part.FormName()]; ok && *to == "" {
		*to = string(text)
	}
	return nil
}

func clipText(text string) string {
	if r := []rune(text); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return text
}

func badForm(why string, err error) error {
	var netErr interface{ Timeout() bool }
	if errors.As(err, &netErr) && netErr.Timeout() {
		return ofBody(err)
	}
	return errs.New(errs.Invalid, "the multipart form cannot be read: %s", why).Named("multipart-malformed").
		Fix("send it as RFC 7578 has it, with a last boundary", "or send the file as the body").Because(err)
}

// ofBody names why a body did not come whole.
func ofBody(err error) error {
	if _, ok := errs.Find(err); ok {
		return err
	}
	e := errs.New(errs.Invalid, "the file did not come whole").Named("body-incomplete").Because(err)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		e.Msg = "the file did not come whole: nothing came for a minute"
	}
	return e.Fix("send it again", "or send it as an upload that can be resumed: POST /v1/uploads/{id} with the id of the project")
}
