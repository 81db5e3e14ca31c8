package httpsource

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"millwright/internal/errs"
	"millwright/internal/httpsource/decode"
	"millwright/internal/httpsource/paginate"
)

// facts are what one page showed.
type facts struct {
	header  http.Header
	fields  []paginate.Field
	records int64
	hash    uint64
	last    []byte // the last record, if paging may need it
	number  int
	bytes   int64 // received so far
	enough  bool  // stopped at the limit of records
	ended   bool  // the sink knows that the page ended
}

func (p facts) answer(n int, c call, seen int64) paginate.Answer {
	return paginate.Answer{Number: n, URL: c.url, Header: p.header, Fields: p.fields, Records: p.records, Seen: seen, Last: p.last, Body: c.jsonBody()}
}

// errEnough stops a page when as many records were given as asked for.
var errEnough = errors.New("enough records")

// deliver gives the records of a page to the sink. The page is open until
// endPage.
func (f *fetch) deliver(l *loaded, number int) (facts, error) {
	p := facts{header: l.answer.header, number: number}
	f.last, f.ahead.size = f.last[:0], len(l.head)
	var r io.Reader = bytes.NewBuffer(l.head)
	if !l.whole {
		r = io.MultiReader(r, l.body)
	}
	if !f.planned {
		spooled, err := f.settle(l, &r)
		if err != nil {
			return p, err
		}
		if spooled != nil {
			defer spooled.Remove()
		}
		if f.plan.Columns == nil {
			f.plan.Columns = f.earlier.Path.Columns
		}
	}
	if err := f.sink.BeginPage(Page{Number: number, URL: publicURL(l.answer.url.String(), f.redact)}); err != nil {
		return p, fromSink{err}
	}
	f.hash.Reset()
	f.opening = true
	before := f.out.Records
	res, kept, err := f.split(l, r)
	p.records, p.hash = f.out.Records-before+f.over, f.hash.Sum64()
	if errors.Is(err, errEnough) {
		p.enough, err = true, nil
	} else if e, ok := errs.Find(err); ok && l.partial && e.Type == "body-truncated" {
		err = nil
	}
	if err != nil {
		return p, err
	}
	if kept != nil {
		if err := kept(p.enough || l.partial || f.over > 0); err != nil {
			return p, err
		}
	}
	if err := f.reached(res, number, p.enough); err != nil {
		return p, err
	}
	if err := f.shaped(res); err != nil {
		return p, err
	}
	f.single = res.Kind == '{' && res.Rows <= 1
	// A whole document that is one row has no envelope: its keys are its own.
	if !f.single || f.plan.Path.String() != "$" {
		for _, field := range res.Envelope.Fields {
			p.fields = append(p.fields, paginate.Field{Path: field.Path, Raw: field.Raw})
		}
	}
	f.out.Pages++
	f.tally(p, number)
	p.bytes, p.last = l.answer.wire.n, f.last
	return p, nil
}

// split gives the records to the sink, and the rest of the page if it keeps that;
// kept, unless nil, then has to be called with whether the page was left early.
func (f *fetch) split(l *loaded, r io.Reader) (res decode.Result, kept func(partial bool) error, err error) {
	keeper, ok := f.sink.(Keeper)
	if !ok {
		res, err = decode.Split(r, f.plan, f.limits.decoding(), f.record)
		return res, nil, err
	}
	text := isText(f.plan.Shape)
	to := &remainder{f: f, to: keeper, tokens: !text}
	res, whole, err := decode.SplitKeeping(r, f.plan, f.limits.decoding(), f.record, to.write)
	if text && errors.Is(err, errEnough) {
		// Text that is cut in the middle of a row could not be read again.
		if _, cerr := io.Copy(to, r); cerr != nil {
			err = cerr
		}
	}
	return res, func(partial bool) error {
		return to.end(BodyInfo{ContentType: f.redact.Redact(l.answer.header.Get("Content-Type")), Whole: whole, Partial: partial && !text})
	}, err
}

// reached reports a path that leads nowhere. On the first page it is an error;
// later it is an empty page, which many sources write by leaving the key out,
// unless the page speaks of an error.
func (f *fetch) reached(res decode.Result, number int, enough bool) error {
	if res.Selected() || enough {
		return nil
	}
	if number == 1 {
		return res.Nothing(f.plan.Path)
	}
	if where := faultIn(res.Envelope.Fields); where != "" {
		f.faulty = fmt.Sprintf("page %d has nothing at %s and speaks of an error (%s)", number, f.plan.Path, where)
		return nil
	}
	f.alarm("page " + itoa(number) + " has nothing at " + f.plan.Path.String() + "; it was counted as empty")
	return nil
}

// faultIn returns where an answer under a status of success says that something
// went wrong, with what it says; "" if it does not.
func faultIn(fields []decode.Field) string {
	for _, f := range fields {
		key, _, _ := strings.Cut(strings.ToLower(f.Path), ".")
		key, _, _ = strings.Cut(key, "[")
		text := strings.Trim(string(f.Raw), `"`)
		switch key {
		case "error", "errors", "fault", "exception", "error_message", "errormessage", "error_description":
			if text != "" && text != "null" && text != "false" && text != "0" {
				return clip(f.Path+": "+text, 120)
			}
		case "ok", "success":
			if text == "false" {
				return f.Path + ": false"
			}
		}
	}
	return ""
}

// faultInRow is faultIn for an answer that is one object.
func faultInRow(row []byte) string {
	o, err := readObject(row, "")
	if err != nil {
		return ""
	}
	var fields []decode.Field
	for _, m := range o.members {
		if v := compact(m.value); string(v) != "[]" && string(v) != "{}" {
			fields = append(fields, decode.Field{Path: m.name, Raw: v})
		}
	}
	return faultIn(fields)
}

// record gives one record to the sink and keeps it as a sample.
func (f *fetch) record(raw []byte) error {
	if f.opt.MaxRecords > 0 && f.out.Records >= f.opt.MaxRecords {
		return f.lookOn(raw)
	}
	if f.opening {
		f.openings[maphash.Bytes(f.hash.Seed(), raw)], f.opening = true, false
	}
	f.hash.Write(raw)
	f.hash.WriteByte('\n')
	// A source that echoes the credentials would put them into the data.
	if f.redact.Found(raw, longSecret) {
		raw = f.scrub(raw)
		f.hidden++
	}
	if f.samples < f.opt.SampleBytes && f.samples+len(raw) <= max(f.opt.SampleBytes, 64<<10) {
		f.out.Sample = append(f.out.Sample, json.RawMessage(f.scrub(raw)))
		f.samples += len(raw)
	}
	if err := f.sink.Record(raw); err != nil {
		return fromSink{err}
	}
	f.out.Records++
	if f.needsLast() {
		f.last = append(f.last[:0], raw...)
	}
	return nil
}

// lookBytes bounds what is read of a first page only to see how it ends.
const lookBytes = 32 << 20

// lookOn passes over a record beyond the limit. The first page of a look is read
// on, since what leads to the second often stands behind the records.
func (f *fetch) lookOn(raw []byte) error {
	if !f.opt.Look || f.out.Pages > 0 || f.looked+len(raw) > lookBytes {
		return errEnough
	}
	f.over++
	f.looked += len(raw)
	f.hash.Write(raw)
	f.hash.WriteByte('\n')
	if f.needsLast() {
		f.last = append(f.last[:0], raw...)
	}
	return nil
}

// needsLast reports whether the way of paging is, or may turn out to be, by the
// last record.
func (f *fetch) needsLast() bool {
	kind := f.spec.Options.Pagination.Kind
	if kind == "" || kind == paginate.Auto {
		kind = f.out.Detected.Pagination.Setting.Kind
	}
	return kind == "" || kind == paginate.LastRow || f.out.Pages == 0
}

// longSecret is the length from which a value does not occur in data by chance.
const longSecret = 12

// scrub returns a copy of a JSON value with secrets hidden in its strings.
func (f *fetch) scrub(raw []byte) []byte {
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] != '"' {
			out = append(out, raw[i])
			continue
		}
		end := i + 1
		for ; raw[end] != '"'; end++ {
			if raw[end] == '\\' {
				end++
			}
		}
		literal := raw[i : end+1]
		if hidden := f.redact.Redact(string(literal)); hidden != string(literal) {
			if v := jsontext.Value(hidden); v.IsValid() {
				literal = v
			} else {
				literal = []byte(`"` + "REDACTED" + `"`)
			}
		}
		out, i = append(out, literal...), end
	}
	return out
}

// digest returns the hash of a page's records without giving them to anybody.
func (f *fetch) digest(l *loaded) (sum uint64, err error) {
	f.hash.Reset()
	_, err = decode.Split(bytes.NewBuffer(l.head), f.plan, f.limits.decoding(), func(raw []byte) error {
		f.hash.Write(raw)
		return f.hash.WriteByte('\n')
	})
	return f.hash.Sum64(), err
}

// repeats returns the number of the earlier page whose records a page has, or 0.
// Only a page that begins like an earlier one is read to its end for that.
func (f *fetch) repeats(l *loaded) int {
	known := false
	_, err := decode.Split(bytes.NewBuffer(l.head), f.plan, f.limits.decoding(), func(raw []byte) error {
		known = f.openings[maphash.Bytes(f.hash.Seed(), raw)]
		return errEnough
	})
	if !known || !errors.Is(err, errEnough) {
		return 0
	}
	if sum, err := f.digest(l); err == nil {
		return f.pages[sum]
	}
	return 0
}
