package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"millwright/internal/dataset"
	"millwright/internal/errs"
	"millwright/internal/httpsource"
	"millwright/internal/httpsource/decode"
	"millwright/internal/ingest/typing"
	"millwright/internal/table"
)

// A LandedFile says what a load read, and as what.
type LandedFile struct {
	Name      string   `json:"name"`
	Type      FileType `json:"type"`
	Why       string   `json:"why"`                 // it was taken for that
	Charset   string   `json:"charset,omitempty"`   // of text: what it was converted from
	Encodings []string `json:"encodings,omitempty"` // layers of compression, outermost first
	Bytes     int64    `json:"bytes"`
	SHA256    string   `json:"sha256"`
}

// A file is what a landing knows of the file that it loads.
type file struct {
	path        string // in the stage
	contentType string // what it is taken for, before a look into it
	guessed     string // the charset that was taken because the text is not UTF-8
	landed      LandedFile

	header   []string              // of a CSV: its columns
	declared map[string]table.Type // of Parquet: types that the file itself names
}

// takeFile puts the file into the stage, and looks at how it begins.
func (l *landing) takeFile() error {
	load := l.payload.Load
	from, err := l.Uploads.Path(load.UploadID)
	if err != nil {
		return err
	}
	dir := filepath.Join(l.stage, "file")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	l.file = file{path: filepath.Join(dir, "original"), landed: LandedFile{Name: load.Name}}
	// A second name for the same bytes: the file stays where it was until it has landed.
	if err := os.Link(from, l.file.path); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return errs.New(errs.NotFound, "the uploaded file is not there any more").Named("upload-gone").Fix("upload it again").Because(err)
		}
		return err
	}
	in, err := os.Open(l.file.path)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	if l.file.landed.Bytes = info.Size(); info.Size() == 0 {
		return emptyFile()
	}
	var head [4]byte
	if _, err := io.ReadFull(in, head[:]); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	return l.file.recognize(load, string(head[:]))
}

func emptyFile() error {
	return errs.New(errs.Invalid, "the file is empty").Named("file-empty").Fix("send a file with at least a header")
}

// recognize says what the file is taken for, and why. How it begins has the last word.
func (f *file) recognize(load *loadPayload, head string) error {
	name, typ := f.typeByName(), load.Options.FileType
	media, _, _ := mime.ParseMediaType(load.ContentType)
	switch isParquet := head == "PAR1"; {
	case isParquet && (typ == "" || typ == ParquetFile):
		f.landed.Type, f.landed.Why = ParquetFile, "it begins as Parquet does"
		return nil
	case typ == ParquetFile, !isParquet && typ == "" && (name == ParquetFile || media == parquetMedia):
		return errs.New(errs.Invalid, "the file is called Parquet, and does not begin as Parquet does").Named("not-parquet").
			Fix("send the file as it is on disk", "or say what it is with file_type")
	}
	f.landed.Why = "it was said to be " + string(typ)
	if typ == "" {
		typ, f.landed.Why = name, "its name"
		if !slices.Contains(vague(), media) {
			f.contentType, f.landed.Why = media, "it was sent as "+media
			return nil
		}
	}
	var err error
	f.contentType, err = typ.contentType()
	return err
}

// vague are media types that say nothing of what is in a file.
func vague() []string {
	// Browsers on Windows call a CSV a sheet of Excel's; curl and some clients say
	// octet-stream or text of everything.
	return []string{"", "application/octet-stream", "binary/octet-stream", "text/plain", "application/vnd.ms-excel", "multipart/form-data",
		"application/x-www-form-urlencoded", "application/gzip", "application/x-gzip", "application/zstd", "application/zip", "application/x-zip-compressed"}
}

// typeByName returns the type that the file's name means; "" if it means none.
func (f *file) typeByName() FileType {
	name := strings.ToLower(f.landed.Name)
	for _, packed := range []string{".gz", ".zst", ".zip", ".br"} {
		name = strings.TrimSuffix(name, packed)
	}
	switch filepath.Ext(name) {
	case ".csv":
		return CSVFile
	case ".tsv", ".tab":
		return TSVFile
	case ".ndjson", ".jsonl":
		return NDJSONFile
	case ".json", ".geojson":
		return JSONFile
	case ".xml":
		return XMLFile
	case ".parquet", ".pq":
		return ParquetFile
	}
	return ""
}

// bringFile reads the file into a sink. A text in another charset than UTF-8 that
// does not say so is read again as windows-1252.
func (l *landing) bringFile(ctx context.Context) (*sink, error) {
	if err := l.takeFile(); err != nil {
		return nil, err
	}
	if l.file.landed.Type == ParquetFile {
		return l.bringParquet(ctx)
	}
	charset := l.payload.Load.Options.Charset
	to, err := l.readText(ctx, charset)
	if e, ok := errs.Find(err); ok && e.Type == "csv-invalid-utf8" && charset == "" {
		l.file.guessed = "windows-1252"
		to, err = l.readText(ctx, l.file.guessed)
		if e, ok := errs.Find(err); ok && e.Type == "charset-invalid" {
			err = errs.New(errs.Invalid, "the text is neither UTF-8 nor windows-1252").Named("charset-unknown").At("/charset")
		}
	}
	if err != nil {
		return nil, ofFile(err)
	}
	l.judgeFile()
	return to, nil
}

// readText reads a file of text, by the code that reads answers.
func (l *landing) readText(ctx context.Context, charset string) (*sink, error) {
	if err := os.Remove(l.pagesPath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	to, _, err := l.desk(ctx, nil, false)
	if err != nil {
		return nil, err
	}
	defer to.spill.Close()
	in, err := os.Open(l.file.path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	contentType := l.file.contentType
	if charset != "" {
		contentType = mime.FormatMediaType(or(contentType, "text/plain"), map[string]string{"charset": charset})
	}
	to.read = &progress{total: l.file.landed.Bytes}
	page := httpsource.StoredPage{Number: 1, URL: (&url.URL{Scheme: "file", Path: l.file.landed.Name}).String(), ContentType: contentType,
		Received: l.file.landed.Bytes, Body: to.read.of(ctx, in), AsSent: true}
	if l.outcome, err = l.Client.Replay(ctx, l.fileSpec(), httpsource.Options{}, onePage(page), to); err != nil {
		return nil, err
	}
	l.pages, err = to.spill.Finish()
	return to, err
}

func or(text, otherwise string) string {
	if text != "" {
		return text
	}
	return otherwise
}

func onePage(p httpsource.StoredPage) func(func(httpsource.StoredPage, error) bool) {
	return func(yield func(httpsource.StoredPage, error) bool) { yield(p, nil) }
}

// fileSpec says how the file is read in the words of a request.
func (l *landing) fileSpec() httpsource.Spec {
	o := l.payload.Load.Options
	shape, _ := o.Shape() // it was checked when the load was asked for
	return httpsource.Spec{ResponsePath: strings.TrimSpace(o.Path), Options: httpsource.SpecOptions{Shape: shape}}
}

// judgeFile makes the verdict and notes what the file turned out to be.
func (l *landing) judgeFile() {
	f, o := &l.file, &l.outcome
	content := o.Detected.Content
	f.landed.Charset, f.landed.Encodings = content.Charset, content.Encodings
	if found := FileType(content.Format); found != "" {
		f.landed.Type = found
	}
	f.landed.Why = strings.TrimSpace(f.landed.Why + "; " + o.Detected.ResponsePath.Evidence)
	if f.guessed != "" {
		o.Verdict.Alarms = append(o.Verdict.Alarms, "the text is not UTF-8 and does not say what it is: it was read as windows-1252")
	}
	f.header = o.Detected.ResponsePath.Columns
	if twice := repeated(f.header); len(twice) > 0 {
		l.report.Notes = append(l.report.Notes, "names that occur twice in the header got a number: "+quoteAll(twice[:min(len(twice), someExamples)]))
	}
	l.fileVerdict()
}

// fileVerdict says that all of the file was read, and what of it was left out.
func (l *landing) fileVerdict() {
	v := &l.outcome.Verdict
	v.State, v.Reason = httpsource.Complete, "whole-file"
	v.Message = fmt.Sprintf("the whole file: %d bytes, %d rows", l.file.landed.Bytes, l.outcome.Records)
	if r := v.Ragged; r != nil && r.Policy == "skip" {
		v.State, v.Reason = httpsource.Limited, "rows-skipped"
		v.Message += fmt.Sprintf("; %d more were left out, as on_ragged=skip says", r.Rows)
	}
	v.Pages, v.Records = l.outcome.Pages, l.outcome.Records
}

// repeated returns the names that occur more than once.
func repeated(names []string) []string {
	seen := map[string]int{}
	var twice []string
	for _, n := range names {
		if seen[n]++; seen[n] == 2 {
			twice = append(twice, n)
		}
	}
	return twice
}

// typesOfFile decides what the records alone do not tell.
func (l *landing) typesOfFile() {
	for _, c := range l.types.Columns {
		t, ok := l.file.declared[keyOf(l.types.Schema, c.Path)]
		if ok && t.IsTemporal() && c.Counts.String() == "" {
			l.types.Force(keyOf(l.types.Schema, c.Path), t) // always null
		}
	}
	for i := range l.types.Columns {
		c := &l.types.Columns[i]
		if _, ok := l.file.declared[keyOf(l.types.Schema, c.Path)]; ok {
			for n := range c.Notes {
				c.Notes[n] = strings.Replace(c.Notes[n], "a person chose this type", "the file has this type", 1)
			}
		}
	}
	if l.watch.seen == 0 && len(l.file.header) > 0 && (!l.base.exists || replaces(l.setting.Mode)) {
		l.headerAlone()
	}
}

// keyOf returns the key of the column that a report's path names; "" if it is inside
// of one.
func keyOf(s table.Schema, path []string) string {
	if len(path) != 1 {
		return ""
	}
	c, _ := s.Column(path[0])
	return c.Key
}

// headerAlone gives a table without rows the columns of its header.
func (l *landing) headerAlone() {
	record := []byte{'{'}
	for i, name := range decode.DistinctNames(l.file.header) {
		if i > 0 {
			record = append(record, ',')
		}
		name, err := jsontext.AppendQuote(nil, name)
		if err != nil {
			return // unreachable: the header was read as UTF-8
		}
		record = append(append(record, name...), ":null"...)
	}
	o := typing.NewObserver(typing.Limits{LastID: l.base.dataset.LastFieldID})
	if o.Observe(append(record, '}')) != nil {
		return // more columns than a table can have: it stays without them
	}
	l.types = l.base.decide(o)
	l.types.Rows = 0
	for i := range l.types.Columns {
		l.types.Columns[i].Counts = typing.Counts{}
	}
}

// publishFile makes an object of the file, as it came.
func (l *landing) publishFile(ctx context.Context) (dataset.Object, error) {
	o, err := l.object(ctx, l.file.path, l.file.ext(), dataset.Object{ID: newID(), FileType: string(l.file.landed.Type), FileRole: "upload/original",
		MimeType: or(l.file.contentType, "application/octet-stream"), Rows: l.outcome.Records})
	if err != nil {
		return o, err
	}
	l.file.landed.SHA256 = o.SHA256
	l.report.File = &l.file.landed
	l.outcome.Verdict.Message += ", sha256 " + o.SHA256
	return o, nil
}

// ext returns the extension of the stored object: that of the file if we know it.
func (f *file) ext() string {
	known := []string{".csv", ".tsv", ".tab", ".txt", ".json", ".geojson", ".ndjson", ".jsonl", ".xml", ".parquet", ".pq", ".gz", ".zst", ".zip", ".br"}
	name := strings.ToLower(f.landed.Name)
	last := filepath.Ext(name)
	if !slices.Contains(known, last) {
		return ".bin"
	}
	if before := filepath.Ext(strings.TrimSuffix(name, last)); slices.Contains(known, before) {
		return before + last
	}
	return last
}

// endLoad forgets the file once no other attempt will need it.
func (l *landing) endLoad(err error, over bool) {
	switch kind := errs.KindOf(err); {
	case !over, err != nil && (kind == errs.Unavailable || kind == errs.Busy):
		return
	}
	if e, ok := errs.Find(err); ok && e.Type == "dataset-moved" {
		return
	}
	if err := l.Uploads.Remove(context.Background(), l.payload.Load.UploadID); err != nil {
		l.Log.Warn("an uploaded file was not removed", "upload", l.payload.Load.UploadID, "err", err)
	}
}
