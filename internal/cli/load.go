package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"millwright/internal/errs"
)

// A loading says which file is loaded where, and how.
type loading struct {
	file, project string
	questions     bool
	fields        map[string]*string // of the request, by name
}

func (c *commands) loadCommand() *cobra.Command {
	l := &loading{fields: map[string]*string{}}
	var noQuestions bool
	var key []string
	cmd := &cobra.Command{
		Use:   "load FILE",
		Short: "Load a file: CSV, NDJSON, JSON, XML or Parquet",
		Long: `Loads a file into a dataset, as a run does with an API's answers, and writes questions
about it. FILE is a path, or an http(s) address that the server fetches. Text may be
compressed with gzip or zstd. What the file is, is found by looking.

An upload that is cut off goes on where it was. Ctrl-C gives it up, and a load that
fails changes nothing.`,
		Example: `  millwright load orders.csv
  millwright load orders.csv --into orders --mode merge --key id
  millwright load legacy.txt --delimiter ';' --charset windows-1252 --on-ragged pad
  millwright load events.ndjson.zst --name Events`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, names []string) error {
			l.file, l.questions = names[0], !noQuestions
			if len(key) > 0 {
				joined := strings.Join(key, ",")
				l.fields["key"] = &joined
			}
			return c.withSession(cmd.Context(), nil, func(ctx context.Context, s *session) error { return c.load(ctx, s, l) })
		},
	}
	flags := cmd.Flags()
	for _, f := range []struct{ flag, field, usage string }{
		{"name", "datasource_name", "`name` of the datasource that is made; by default that of the file"},
		{"into", "into", "`datasource` that exists already: its name, its table's name, or its id"},
		{"mode", "mode", "what becomes of the rows that are there: `mode` replace (by default), append, or merge, where a newer row with the same --key takes the place of the older one"},
		{"on-ragged", "on_ragged", "`what` to do if rows of a CSV have more or fewer fields than its first: fail (by default), pad or skip"},
		{"delimiter", "delimiter", "`delimiter` of a CSV: comma, semicolon, tab, pipe, or the character"},
		{"header", "header", "whether the first row of a CSV is a `header`: present or absent"},
		{"quote", "quote", "`quote` of a CSV: double, or none if quotes are ordinary text"},
		{"charset", "charset", "`charset` of text that is not UTF-8 and does not say what it is"},
		{"path", "response_path", "`path` to the records in JSON or XML"},
		{"type", "file_type", "read the file as this `type`: csv, tsv, ndjson, json, xml, parquet"},
	} {
		l.fields[f.field] = flags.String(f.flag, "", f.usage)
	}
	flags.StringVar(&l.project, "project", "", "`project`, by name or id; by default the oldest")
	flags.StringSliceVar(&key, "key", nil, "`field` that names a row, for merge; repeatable, or parted by commas, if only several together do")
	flags.BoolVar(&noQuestions, "no-questions", false, "write no questions about the dataset")
	return c.outputFlag(cmd)
}

// A loadStarted is the answer of a load.
type loadStarted struct {
	startedJobs
	DatasourceID string `json:"datasource_id"`
}

// load sends the file, follows its jobs, and prints what it came to.
func (c *commands) load(ctx context.Context, s *session, l *loading) error {
	if err := s.useProject(ctx, l.project); err != nil {
		return err
	}
	fields, err := l.request(ctx, s)
	if err != nil {
		return err
	}
	var started loadStarted
	if strings.HasPrefix(l.file, "http://") || strings.HasPrefix(l.file, "https://") {
		fields.Set("source_url", l.file)
		err = s.call(ctx, "POST", "/v1/actions/load/"+url.PathEscape(s.project), fields, nil, &started)
	} else {
		started, err = c.upload(ctx, s, l.file, fields)
	}
	if err != nil {
		return err
	}
	until := "the dataset"
	if l.questions {
		until = "the questions"
	}
	if err := started.follow(ctx, c, s, until); err != nil {
		return err
	}
	lines, err := s.datalines(ctx, started.DatasourceID)
	if err != nil {
		return err
	}
	g := grid{Columns: []string{"dataset", "version", "rows", "verdict", "reason", "id"}, Numeric: map[int]bool{1: true, 2: true}, Brief: 5, Typed: 1}
	for _, l := range lines {
		g.Rows = append(g.Rows, []any{l.TableName, l.Version, l.Rows, l.Verdict.State, l.Verdict.Reason, l.ID})
	}
	return c.print(g)
}

// request returns the fields that were set.
func (l *loading) request(ctx context.Context, s *session) (url.Values, error) {
	fields := url.Values{"questions": {strconv.FormatBool(l.questions)}}
	for name, value := range l.fields {
		if *value != "" {
			fields.Set(name, *value)
		}
	}
	if into := fields.Get("into"); into != "" {
		fields.Del("into")
		d, err := s.datasource(ctx, into)
		if err != nil {
			return nil, err
		}
		fields.Set("datasource_id", d.ID)
	}
	return fields, nil
}

// An uploadState is a file that is sent in parts.
type uploadState struct {
	ID       string       `json:"id"`
	Offset   int64        `json:"offset"`
	Complete bool         `json:"complete"`
	JobID    string       `json:"job_id"`
	Load     *loadStarted `json:"load"`
}

// upload sends the file. When the connection breaks it goes on where the server is;
// when ctx ends, the server forgets the file.
func (c *commands) upload(ctx context.Context, s *session, path string, fields url.Values) (started loadStarted, err error) {
	file, err := os.Open(path)
	if err != nil {
		return started, usage("the file cannot be read: %v", errors.Unwrap(err))
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || info.IsDir() {
		return started, usage("%q is no file", path)
	}
	body := map[string]any{"name": filepath.Base(path)}
	for name := range fields {
		body[name] = fields.Get(name)
	}
	if info.Mode().IsRegular() {
		body["length"] = info.Size()
	}
	var up uploadState
	if err := s.call(ctx, "POST", "/v1/uploads/"+url.PathEscape(s.project), nil, body, &up); err != nil {
		return started, err
	}
	show := c.progress("upload")
	defer show.close()
	sent, err := c.sendAll(ctx, s, file, info, up, show)
	if err != nil {
		late, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer stop()
		// If it cannot be told, the server forgets the file by itself, later.
		_ = s.call(late, "DELETE", "/v1/uploads/"+up.ID, nil, nil, nil)
		return started, err
	}
	if sent.Load != nil {
		return *sent.Load, nil
	}
	return s.loadOf(ctx, sent)
}

// loadOf finds the load of an upload whose last answer was lost on its way.
func (s *session) loadOf(ctx context.Context, up uploadState) (started loadStarted, err error) {
	j, err := s.job(ctx, up.JobID)
	if err != nil {
		return started, err
	}
	started.Jobs, started.DatasourceID = []jobState{j}, j.SourceID
	return started, nil
}

// resumes is how often an upload goes on after its connection broke without a byte
// more on the server.
const resumes = 6

func (c *commands) sendAll(ctx context.Context, s *session, file io.ReadSeeker, info os.FileInfo, up uploadState, show display) (uploadState, error) {
	wait, tries := 500*time.Millisecond, 0
	for {
		sent, err := s.sendFrom(ctx, file, info.Size(), up, show)
		if err == nil || ctx.Err() != nil {
			return sent, errors.Join(err, ctx.Err())
		}
		if !worthAnotherTry(err) {
			return sent, err
		}
		if tries++; tries > resumes {
			return sent, err
		}
		select {
		case <-ctx.Done():
			return sent, ctx.Err()
		case <-time.After(wait):
		}
		wait *= 2
		var now uploadState
		if err := s.call(ctx, "GET", "/v1/uploads/"+up.ID, nil, nil, &now); err != nil {
			if worthAnotherTry(err) {
				continue
			}
			return now, err
		}
		if now.Complete {
			return now, nil
		}
		if now.Offset > up.Offset {
			wait, tries = 500*time.Millisecond, 0
		}
		up.Offset = now.Offset
	}
}

// worthAnotherTry reports whether an upload may go on after the error.
func worthAnotherTry(err error) bool {
	var gone *unreachable
	if errors.As(err, &gone) {
		return true
	}
	e, ok := errs.Find(err)
	return ok && (e.Kind == errs.Unavailable || e.Kind == errs.Busy || e.Type == "body-incomplete" || e.Type == "upload-offset" || e.Type == "upload-taken-over")
}

// sendFrom sends what the server does not have.
func (s *session) sendFrom(ctx context.Context, file io.ReadSeeker, size int64, up uploadState, show display) (uploadState, error) {
	if _, err := file.Seek(up.Offset, io.SeekStart); err != nil {
		return up, err
	}
	counted := &countedReader{r: file, n: up.Offset, total: size, show: show}
	r, err := http.NewRequestWithContext(ctx, http.MethodPatch, s.base+"/v1/uploads/"+up.ID, counted)
	if err != nil {
		return up, err
	}
	r.ContentLength = size - up.Offset
	if r.ContentLength == 0 {
		r.Body = http.NoBody
	}
	r.Header.Set("Content-Type", "application/partial-upload")
	r.Header.Set("Upload-Offset", strconv.FormatInt(up.Offset, 10))
	r.Header.Set("Upload-Complete", "?1")
	resp, err := s.send(r)
	if err != nil {
		return up, err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&up); err != nil {
		return up, fmt.Errorf("the answer to an upload is not what we expect: %w", err)
	}
	return up, nil
}

// A countedReader shows how much of a file was sent.
type countedReader struct {
	r        io.Reader
	n, total int64
	show     display
}

// Read reads and counts.
func (c *countedReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	c.show.update(jobState{Status: "running", Phase: "upload", Progress: 100 * float64(c.n) / float64(max(c.total, 1))},
		fmt.Sprintf("%s of %s", bytesText(c.n), bytesText(c.total)))
	return n, err
}
