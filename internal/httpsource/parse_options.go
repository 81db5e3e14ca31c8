package httpsource

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"millwright/internal/errs"
	"millwright/internal/httpsource/decode"
	"millwright/internal/httpsource/paginate"
)

// parseOptions reads our additions. Unlike in the guide's objects an unknown
// field is an error here: a mistyped limit would otherwise be no limit.
func parseOptions(s *Spec, o object) error {
	m, ok := o.get("options")
	if !ok {
		return nil
	}
	opt, err := readObject(m.value, m.pointer)
	if err != nil {
		return err
	}
	if err := opt.only("pagination", "shape", "limits", "retry", "rate", "parallel", "tls", "on_partial", "run"); err != nil {
		return err
	}
	for _, step := range []func(*SpecOptions, object) error{
		parsePagination, parseShape, parseLimits, parseRetry, parseRate, parseParallel, parseTLS, parsePartial, parseRun,
	} {
		if err := step(&s.Options, opt); err != nil {
			return err
		}
	}
	return nil
}

// only reports a member that is none of the names.
func (o object) only(names ...string) error {
	for _, m := range o.members {
		if !slices.Contains(names, snake(m.name)) {
			return wrong(m.pointer, "is not a known option").Named("option-unknown").
				Fix("use one of: " + strings.Join(names, ", "))
		}
	}
	return nil
}

func parsePagination(opt *SpecOptions, o object) error {
	m, ok := o.get("pagination")
	if !ok {
		return nil
	}
	p := &opt.Pagination
	if m.value.Kind() == '"' {
		text, err := m.scalar()
		if err != nil {
			return err
		}
		p.Kind = paginate.Kind(strings.ToLower(text))
		return checkPagination(*p, m.pointer)
	}
	f, err := readObject(m.value, m.pointer)
	if err != nil {
		return err
	}
	if err := f.only("kind", "path", "param", "in", "size_param", "size", "start", "total_pages", "has_more", "cross_origin"); err != nil {
		return err
	}
	kind := ""
	for _, field := range []struct {
		to   *string
		name string
	}{{&kind, "kind"}, {&p.Path, "path"}, {&p.Param, "param"}, {&p.In, "in"}, {&p.SizeParam, "size_param"}, {&p.TotalPages, "total_pages"}, {&p.HasMore, "has_more"}} {
		if *field.to, err = f.text(field.name); err != nil {
			return err
		}
	}
	if p.Kind = paginate.Kind(strings.ToLower(kind)); kind == "" {
		p.Kind = paginate.Auto
	}
	if p.CrossOrigin, err = f.boolean("cross_origin"); err != nil {
		return err
	}
	size, err := f.whole("size")
	if err != nil {
		return err
	}
	p.Size = int(size)
	if _, ok := f.get("start"); ok {
		start, err := f.whole("start")
		if err != nil {
			return err
		}
		first := int(start)
		p.Start = &first
	}
	return checkPagination(*p, m.pointer)
}

func checkPagination(p paginate.Setting, pointer string) error {
	if p.Kind != "" && !slices.Contains(paginate.Kinds(), p.Kind) {
		names := make([]string, 0, 8)
		for _, k := range paginate.Kinds() {
			names = append(names, string(k))
		}
		return wrong(pointer, "is %q, which is not a known kind of paging", clip(string(p.Kind), 40)).
			Named("pagination-unknown").Fix("use one of: " + strings.Join(names, ", "))
	}
	if p.In != "" && p.In != "query" && p.In != "body" && p.In != "header" {
		return wrong(pointer+"/in", "is %q", clip(p.In, 40)).Named("pagination-invalid").Fix("use one of: query, body, header")
	}
	if p.Kind == paginate.Cursor && (p.Path == "" || p.Param == "") {
		return wrong(pointer, "needs path (where the token is) and param (where it goes)").
			Named("pagination-invalid").Fix(`write {"kind":"cursor","path":"meta.next","param":"cursor"}, or use "auto"`)
	}
	if p.Kind == paginate.LastRow && (p.Path == "" || p.Param == "") {
		return wrong(pointer, "needs path (a value of the record) and param (where it goes)").
			Named("pagination-invalid").Fix(`write {"kind":"last_row","path":"id","param":"starting_after"}, or use "auto"`)
	}
	return nil
}

func parseShape(opt *SpecOptions, o object) error {
	text, err := o.text("shape")
	if err != nil || text == "" {
		return err
	}
	if opt.Shape, err = decode.ParseShape(text); err != nil {
		e := wrong(o.at("shape"), "is not known").Named("shape-unknown")
		if why, ok := errs.Find(err); ok {
			e.Msg += ": " + why.Msg
			e.Fix(why.Fixes...)
		}
		return e
	}
	return nil
}

func limitFields(l *LimitOverride) map[string]*int64 {
	return map[string]*int64{
		"pages": &l.Pages, "records": &l.Records, "wire_bytes": &l.WireBytes, "decoded_bytes": &l.DecodedBytes,
		"record_bytes": &l.RecordBytes, "document_bytes": &l.DocumentBytes, "ratio": &l.Ratio, "keys": &l.Keys,
		"total_seconds": &l.TotalSeconds, "idle_seconds": &l.IdleSeconds, "min_bytes_per_second": &l.Throughput,
	}
}

func limitNames() []string {
	return []string{"pages", "records", "wire_bytes", "decoded_bytes", "record_bytes", "document_bytes", "ratio", "keys", "total_seconds", "idle_seconds", "min_bytes_per_second"}
}

func parseLimits(opt *SpecOptions, o object) error {
	m, ok := o.get("limits")
	if !ok {
		return nil
	}
	l, err := readObject(m.value, m.pointer)
	if err != nil {
		return err
	}
	if err := l.only(limitNames()...); err != nil {
		return err
	}
	fields := limitFields(&opt.Limits)
	for _, name := range limitNames() {
		if *fields[name], err = l.whole(name); err != nil {
			return err
		}
	}
	return nil
}

func parseRetry(opt *SpecOptions, o object) error {
	m, ok := o.get("retry")
	if !ok {
		return nil
	}
	r, err := readObject(m.value, m.pointer)
	if err != nil {
		return err
	}
	if err := r.only("attempts", "max_wait_seconds", "safe", "unsafe"); err != nil {
		return err
	}
	attempts, err := r.whole("attempts")
	if err != nil {
		return err
	}
	wait, err := r.whole("max_wait_seconds")
	if err != nil {
		return err
	}
	if attempts > 100 || wait > 24*3600 {
		return wrong(m.pointer, "asks for more than 100 attempts or a wait of more than a day").Named("option-invalid").Fix("use smaller numbers")
	}
	opt.Retry.Attempts, opt.Retry.MaxWait = int(attempts), time.Duration(wait)*time.Second
	if opt.Retry.Safe, err = r.boolean("safe"); err != nil {
		return err
	}
	if opt.Retry.Unsafe, err = r.boolean("unsafe"); err == nil && opt.Retry.Safe && opt.Retry.Unsafe {
		err = wrong(m.pointer, "says both safe and unsafe").Named("option-invalid").Fix("keep one of the two")
	}
	return err
}

// maxParallel bounds the connections of one run to its source.
const maxParallel = 32

func parseParallel(opt *SpecOptions, o object) error {
	n, err := o.whole("parallel")
	if err == nil && n > maxParallel {
		err = wrong(o.at("parallel"), "is more than %d", maxParallel).Named("option-invalid").Fix("use a smaller number")
	}
	opt.Parallel = int(n)
	return err
}

// parseRate reads "rate": 5 and "rate": {"requests_per_second": 5}.
func parseRate(opt *SpecOptions, o object) error {
	m, ok := o.get("rate")
	if !ok {
		return nil
	}
	if m.value.Kind() == '{' {
		r, err := readObject(m.value, m.pointer)
		if err != nil {
			return err
		}
		if err := r.only("requests_per_second"); err != nil {
			return err
		}
		if m, ok = r.get("requests_per_second"); !ok {
			return nil
		}
	}
	text, err := m.scalar()
	if err != nil {
		return err
	}
	rate, perr := strconv.ParseFloat(text, 64)
	if perr != nil || !(rate > 0) || math.IsInf(rate, 0) {
		return wrong(m.pointer, "must be a number above 0").Named("option-invalid").Fix("give the requests a second, such as 5")
	}
	opt.Rate = rate
	return nil
}

func parsePartial(opt *SpecOptions, o object) error {
	text, err := o.text("on_partial")
	if err != nil {
		return err
	}
	switch strings.ToLower(text) {
	case "", "fail":
	case "warn":
		opt.WarnOnly = true
	default:
		return wrong(o.at("on_partial"), "is %q", clip(text, 40)).Named("option-invalid").Fix("use fail or warn")
	}
	return nil
}

// whole reads an optional whole number of at least 0.
func (o object) whole(name string) (int64, error) {
	m, ok := o.get(name)
	if !ok {
		return 0, nil
	}
	text, err := m.scalar()
	if err != nil {
		return 0, err
	}
	n, perr := strconv.ParseInt(text, 10, 64)
	// Seconds are multiplied up to nanoseconds later.
	if perr != nil || n < 0 || n > math.MaxInt64/int64(time.Second) && strings.HasSuffix(name, "_seconds") {
		return 0, wrong(m.pointer, "must be a whole number of at least 0").Named("option-invalid")
	}
	return n, nil
}
