package transfer

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/go-json-experiment/json/jsontext"

	"millwright/internal/errs"
)

// A document is a file that was read, and whose shape is right: nothing else of it
// was checked. The files in it lie in a folder, under numbers.
type document struct {
	Version     string
	Project     fileProject
	Datasources []fileDatasource
	Objects     []readObject
	Datalines   []fileDataline
	Edges       []fileEdge
	APIs        int
	Programs    []fileProgram
	References  fileReferences
}

// A readObject is a data object with the file of its bytes.
type readObject struct {
	fileObject
	Content *int `json:"content_base64"` // the number of the file; nil without bytes
	path    string
}

// read reads a file whose contents go into dir.
func read(ctx context.Context, r io.Reader, dir string, most int64) (doc document, err error) {
	count, room := 0, most
	diverted := newDiverter(contextReader{ctx, r}, func() (io.WriteCloser, error) {
		if count++; count > maxFiles {
			return nil, errs.New(errs.TooLarge, "the export has more than %d files", maxFiles).Named("import-too-large")
		}
		f, err := os.OpenFile(contentPath(dir, count), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		return &boundedFile{f, &room}, err
	})
	defer func() { err = errors.Join(err, diverted.close()) }()
	in := &meter{r: diverted}
	dec := jsontext.NewDecoder(in)
	doc, err = readDocument(dec, in)
	if err != nil {
		return doc, notAnExport(err)
	}
	if doc.Version != FormatVersion {
		return doc, errs.New(errs.Invalid, "the file is no export of version %s", FormatVersion).Named("import-version").At("/infactory_export_version").
			Fix("export the project with GET /projects/{id}/export")
	}
	for i := range doc.Objects {
		o := &doc.Objects[i]
		if o.Content == nil {
			continue
		}
		if *o.Content < 1 || *o.Content > count {
			return doc, badContent("it is no text")
		}
		o.path = contentPath(dir, *o.Content)
	}
	return doc, nil
}

func contentPath(dir string, n int) string { return filepath.Join(dir, "content-"+itoa(n)) }

// notAnExport names an error of the tokenizer, or of what it reads from.
func notAnExport(err error) error {
	if _, ok := errs.Find(err); ok {
		return err
	}
	return errs.New(errs.Invalid, "the file is no export of a project: it is not the JSON that one is").Named("import-malformed").
		Fix("export the project with GET /projects/{id}/export", "send the whole file").Because(err)
}

// readDocument reads the members one by one. Those that are not known are passed over.
func readDocument(dec *jsontext.Decoder, in *meter) (doc document, err error) {
	if err := expect(dec, '{'); err != nil {
		return doc, err
	}
	for dec.PeekKind() == '"' {
		name, err := dec.ReadToken()
		if err != nil {
			return doc, err
		}
		key := name.String()
		if err := readMember(dec, in, &doc, key); err != nil {
			return doc, at(err, "/"+key)
		}
	}
	if err := expect(dec, '}'); err != nil {
		return doc, err
	}
	if _, err := dec.ReadToken(); err != io.EOF {
		return doc, errors.Join(errors.New("something follows the document"), err)
	}
	return doc, nil
}

func readMember(dec *jsontext.Decoder, in *meter, doc *document, key string) error {
	switch key {
	case "infactory_export_version":
		return one(dec, in, &doc.Version)
	case "project":
		return one(dec, in, &doc.Project)
	case "references":
		return one(dec, in, &doc.References)
	case "datasources":
		return list(dec, in, &doc.Datasources)
	case "dataobjects":
		return list(dec, in, &doc.Objects)
	case "datalines":
		return list(dec, in, &doc.Datalines)
	case "datalineage":
		return list(dec, in, &doc.Edges)
	case "queryprograms":
		return list(dec, in, &doc.Programs)
	case "apis":
		var all []json.RawMessage
		err := list(dec, in, &all)
		doc.APIs = len(all)
		return err
	}
	in.mark()
	return dec.SkipValue()
}

func expect(dec *jsontext.Decoder, kind jsontext.Kind) error {
	t, err := dec.ReadToken()
	if err != nil {
		return err
	}
	if t.Kind() != kind {
		return errors.New("another token is expected")
	}
	return nil
}

// one reads a value of a bounded size.
func one[T any](dec *jsontext.Decoder, in *meter, to *T) error {
	in.mark()
	raw, err := dec.ReadValue()
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, to); err != nil {
		return errs.New(errs.Invalid, "a part of the export is not as it is described").Named("import-malformed").Because(err)
	}
	return nil
}

// list reads an array, or null, of values of a bounded size and number.
func list[T any](dec *jsontext.Decoder, in *meter, to *[]T) error {
	if dec.PeekKind() == 'n' {
		_, err := dec.ReadToken()
		return err
	}
	if err := expect(dec, '['); err != nil {
		return err
	}
	for dec.PeekKind() != ']' {
		if len(*to) >= maxThings {
			return errs.New(errs.TooLarge, "the export has more than %d of these", maxThings).Named("import-too-large")
		}
		var item T
		if err := one(dec, in, &item); err != nil {
			return at(err, "/"+itoa(len(*to)))
		}
		*to = append(*to, item)
	}
	return expect(dec, ']')
}

// at puts the place before the pointers of an error that says something of the file.
func at(err error, place string) error {
	e, ok := errs.Find(err)
	if !ok || e.Kind != errs.Invalid {
		return err
	}
	c := *e
	if c.Fields = nil; len(e.Fields) == 0 {
		return c.At(place)
	}
	for _, f := range e.Fields {
		c.Fields = append(c.Fields, errs.Field{Pointer: place + f.Pointer, Msg: f.Msg})
	}
	return &c
}

// A meter bounds what is read for one value, and in all.
type meter struct {
	r           io.Reader
	total, from int64
}

func (m *meter) mark() { m.from = m.total }

// Read reads within the bounds.
func (m *meter) Read(p []byte) (int, error) {
	if m.total-m.from > maxElement || m.total > maxText {
		return 0, errs.New(errs.TooLarge, "one part of the export is larger than 32 MB, or all of them are larger than 256 MB, without the content of files").
			Named("import-too-large")
	}
	n, err := m.r.Read(p)
	m.total += int64(n)
	return n, err
}

// A boundedFile is a file that takes what room there is for all files.
type boundedFile struct {
	*os.File
	room *int64
}

// Write writes while there is room.
func (b *boundedFile) Write(p []byte) (int, error) {
	if *b.room -= int64(len(p)); *b.room < 0 {
		return 0, errs.New(errs.TooLarge, "the files in the export are larger than what is taken").Named("import-too-large").
			Fix("start the server with a larger --max-upload")
	}
	return b.File.Write(p)
}

// A contextReader stops reading when ctx is done.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

// Read reads until ctx is done.
func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, errs.New(errs.Canceled, "reading was stopped").Because(err)
	}
	return c.r.Read(p)
}
