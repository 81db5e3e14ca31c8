package decode

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"strings"
)

// How much of a body is looked at to tell the dialect of a CSV.
const (
	sniffBytes   = 64 << 10
	sniffRecords = 200
)

// A dialect is how a CSV is written.
type dialect struct {
	delim   string // by name
	header  string
	columns []string
	why     string
	records int
	same    int // records with as many fields as the first
	width   int
}

func delimiters() []string { return []string{"comma", "semicolon", "tab", "pipe"} }

func delimiter(name string) byte {
	return map[string]byte{"comma": ',', "semicolon": ';', "tab": '\t', "pipe": '|'}[name]
}

// IsCSV reports whether a content type means CSV or TSV.
func IsCSV(contentType string) bool {
	media, _, _ := mime.ParseMediaType(contentType)
	switch media {
	case "text/csv", "application/csv", "text/x-csv", "application/x-csv", "text/comma-separated-values", "text/tab-separated-values", "text/tsv":
		return true
	}
	return false
}

// sniffCSV tells how a CSV is written by what makes its records alike, and
// whether it is one at all: a body that is not declared as CSV needs at least
// two records of at least two fields each.
func sniffCSV(head []byte, contentType string, whole bool, set Shape) (dialect, bool) {
	declared := IsCSV(contentType) || set.Base() == CSV
	if !whole || len(head) > sniffBytes {
		// The last record may be cut.
		head = head[:min(len(head), sniffBytes)]
		if i := bytes.LastIndexAny(head, "\r\n"); i >= 0 {
			head = head[:i+1]
		}
	}
	var best dialect
	for _, name := range delimiters() {
		if want := set.param("delimiter"); want != "" && want != name {
			continue
		}
		if d := try(head, name, set.param("quote") == "none"); d.better(best) || best.delim == "" {
			best = d
		}
	}
	if best.records == 0 || !declared && !best.convincing(contentType) {
		return best, false
	}
	if header := set.param("header"); header != "" {
		best.header, best.why = header, "set for this connection"
	}
	best.why = fmt.Sprintf("%d of the first %d records have %d fields with the delimiter %s; %s", best.same, best.records, best.width, best.delim, best.why)
	if best.header == "absent" {
		best.columns = nil
	}
	return best, true
}

// try reads the beginning with one delimiter.
func try(head []byte, name string, noQuotes bool) dialect {
	r := newCSVReader(bytes.NewReader(head), delimiter(name), noQuotes, Limits{RecordBytes: sniffBytes, Keys: sniffBytes})
	d := dialect{delim: name}
	var h headings
	for d.records < sniffRecords {
		err := r.read()
		if err != nil {
			if err != io.EOF {
				d.records++ // what cannot be read speaks against the delimiter
			}
			break
		}
		if r.blank() {
			continue
		}
		texts := r.texts()
		if d.records++; d.records == 1 {
			d.width, d.columns = len(texts), texts
		}
		if len(texts) != d.width {
			continue
		}
		d.same++
		row := make([]cell, len(texts))
		for i, t := range texts {
			row[i] = classify(t)
		}
		h.add(row)
	}
	d.header, d.why = h.decide(true)
	return d
}

// better prefers what makes more records alike, then more fields.
func (d dialect) better(other dialect) bool {
	if (d.width > 1) != (other.width > 1) {
		return d.width > 1
	}
	// Shares are compared without division.
	if a, b := d.same*max(other.records, 1), other.same*max(d.records, 1); a != b {
		return a > b
	}
	return d.width > other.width
}

// convincing reports whether the records are so alike that they are a table
// without being declared as one. Where text is to be expected, two lines with a
// comma in each are not enough.
func (d dialect) convincing(contentType string) bool {
	least := 4
	if media, _, _ := mime.ParseMediaType(contentType); media == "" || strings.HasPrefix(media, "text/") || strings.Contains(media, "json") {
		least = 6
	}
	return d.width > 1 && d.records > 1 && d.records*d.width >= least && d.same*10 >= d.records*9
}

// shape returns the shape that says all of it.
func (d dialect) shape(set Shape) Shape {
	s := CSV.with("delimiter", d.delim).with("header", d.header)
	for _, key := range []string{"quote", "ragged"} {
		if v := set.param(key); v != "" {
			s = s.with(key, v)
		}
	}
	return s
}
