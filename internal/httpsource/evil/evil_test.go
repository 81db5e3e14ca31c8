package evil_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"millwright/internal/errs"
	"millwright/internal/httpsource"
	"millwright/internal/httpsource/evil"
)

func TestMain(m *testing.M) {
	if os.Getenv("MILLWRIGHT_EVIL_CHILD") != "" {
		os.Exit(child(os.Stdin, os.Stdout))
	}
	goleak.VerifyTestMain(m)
}

// A sink tallies what arrives and keeps the first of it.
type sink struct {
	evil.Tally
	first [][]byte
}

const keep = 30_000

func (s *sink) BeginPage(httpsource.Page) error { return nil }

func (s *sink) Record(raw []byte) error {
	s.Add(raw)
	if len(s.first) < keep && len(raw) < 4096 {
		s.first = append(s.first, append([]byte(nil), raw...))
	}
	return nil
}

func (s *sink) EndPage(httpsource.PageEnd) error { return nil }
func (s *sink) Waiting(string, time.Time)        {}

// A result is what came of a run.
type result struct {
	Error  string // its name; empty for none
	Public string // what a person sees of it
	Faults []string
	Tally  evil.Tally
	State  httpsource.State
	Reason string
	Alarms []string
	Shown  string // all that leaves the connector but the records
	Took   time.Duration
	Peak   int64 // of the whole process, if it is one of its own
	first  [][]byte
}

// run connects to a source the way the product does.
func run(ctx context.Context, b evil.Behaviour, url string, roots *x509.CertPool, dir string) result {
	client := httpsource.New(httpsource.Config{
		Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, RootCAs: roots,
		Backoff: time.Millisecond, TempDir: dir, Limits: b.Bounds(),
	})
	defer client.Close()
	spec, err := httpsource.ParseSpec(b.Request(url))
	if err != nil {
		return result{Error: "the request itself: " + err.Error()}
	}
	var to sink
	start := time.Now()
	out, err := client.Fetch(ctx, spec, httpsource.Options{HeadBytes: 4 << 10, SampleBytes: 4 << 10}, &to)
	r := result{
		Tally: to.Tally, State: out.Verdict.State, Reason: out.Verdict.Reason, Alarms: out.Verdict.Alarms, Took: time.Since(start), first: to.first,
		Public: errs.Public(err),
	}
	shown, jerr := json.Marshal(out)
	if jerr != nil {
		r.Faults = append(r.Faults, "the outcome cannot be written as JSON: "+jerr.Error())
	}
	r.Shown = string(shown) + string(out.Head) + fmt.Sprint(out.Header) + r.Public
	if err == nil {
		return r
	}
	r.Shown += err.Error()
	e, ok := errs.Find(err)
	if !ok {
		r.Error = "unclassified: " + err.Error()
		return r
	}
	r.Error = e.Type
	if e.Kind == errs.Internal || e.Type == "" {
		r.Faults = append(r.Faults, fmt.Sprintf("the error has kind %q and name %q", e.Kind, e.Type))
	}
	if len(e.Fixes) == 0 {
		r.Faults = append(r.Faults, "the error says nothing of what to do")
	}
	return r
}

// judge returns what is wrong with a result; nothing is right.
func judge(b evil.Behaviour, s *evil.Source, r result) []string {
	wrong := r.Faults
	add := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if r.Took > b.Within() {
		add("it took %v, more than %v", r.Took, b.Within())
	}
	if strings.Contains(r.Shown, evil.Canary) {
		add("the secret of the request shows: %.300s", r.Shown)
	}
	if !b.Want.Right(r.Error) {
		add("it ended with %q (%s), want %s", r.Error, r.Public, b.Want)
	}
	if b.Want.State != "" && r.State != b.Want.State || b.Want.Reason != "" && r.Reason != b.Want.Reason {
		add("the verdict is %s (%s), want %s (%s)", r.State, r.Reason, b.Want.State, b.Want.Reason)
	}
	if !strings.Contains(strings.Join(r.Alarms, "|"), b.Want.Alarm) {
		add("the warnings are %q, want %q", r.Alarms, b.Want.Alarm)
	}
	if r.Error == "" {
		if sent := s.Tally(); r.Tally != sent {
			add("%d records arrived of %d that were sent, or not the same ones: %.300s", r.Tally.N, sent.N, r.first)
		}
		return wrong
	}
	if b.Heavy || s.Tally().N == 0 {
		return wrong // what failed on purpose from its first byte is not in the ledger
	}
	for _, record := range r.first {
		if !s.Sent(record) {
			add("a record arrived that was never sent: %.200s", record)
			break
		}
	}
	return wrong
}

func TestEvil(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	light := 0
	for _, b := range evil.Behaviours() {
		full := b.Group + "/" + b.Name
		if names[full] {
			t.Errorf("there are two behaviours named %s", full)
		}
		names[full] = true
		if b.Heavy {
			continue
		}
		light++
		t.Run(full, func(t *testing.T) {
			t.Parallel()
			try(t, b, "evil")
		})
	}
	if light < 120 {
		t.Errorf("only %d behaviours, want at least 120", light)
	}
	t.Logf("%d light behaviours, %d in all", light, len(names))
}

// try runs one behaviour in this process.
func try(t *testing.T, b evil.Behaviour, section string) {
	t.Helper()
	source, err := b.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	ctx, cancel := context.WithTimeout(t.Context(), b.Within()+20*time.Second)
	defer cancel()
	dir := t.TempDir()
	r := run(ctx, b, source.Self, source.RootCAs, dir)
	wrong := judge(b, source.Source, r)
	for _, w := range wrong {
		t.Error(w)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) > 0 {
		t.Errorf("temporary files are left: %q, %v", left, err)
	}
	report(t, section, line{Group: b.Group, Name: b.Name, Want: b.Want.String(), Got: r.got(), Took: r.Took, OK: len(wrong) == 0})
}

// got says what came of a run in a word.
func (r result) got() string {
	if r.Error != "" {
		return r.Error
	}
	text := "ok, " + string(r.State)
	if len(r.Alarms) > 0 {
		text += ", warned"
	}
	return text
}

// TestABrokenExpectationIsNoticed makes sure that judge can say no.
func TestABrokenExpectationIsNoticed(t *testing.T) {
	t.Parallel()
	var good evil.Behaviour
	for _, b := range evil.Behaviours() {
		if b.Group == "framing" && b.Name == "length-right" {
			good = b
		}
	}
	source, err := good.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	r := run(t.Context(), good, source.Self, nil, t.TempDir())
	if wrong := judge(good, source.Source, r); len(wrong) > 0 {
		t.Fatalf("a good run is called wrong: %q", wrong)
	}
	for rule, change := range map[string]func(*result, *evil.Behaviour){
		"a lost record":     func(r *result, _ *evil.Behaviour) { r.Tally.N-- },
		"a changed record":  func(r *result, _ *evil.Behaviour) { r.Tally.Sum++ },
		"another verdict":   func(r *result, _ *evil.Behaviour) { r.State = httpsource.Incomplete },
		"an error":          func(r *result, _ *evil.Behaviour) { r.Error = "json-invalid" },
		"no error":          func(_ *result, b *evil.Behaviour) { b.Want = evil.Want{Errors: "json-invalid"} },
		"no warning":        func(_ *result, b *evil.Behaviour) { b.Want.Alarm = "206" },
		"too late":          func(r *result, _ *evil.Behaviour) { r.Took = time.Hour },
		"a secret":          func(r *result, _ *evil.Behaviour) { r.Shown += evil.Canary },
		"an error of fault": func(r *result, _ *evil.Behaviour) { r.Faults = []string{"no fix"} },
	} {
		changed, b := r, good
		change(&changed, &b)
		if len(judge(b, source.Source, changed)) == 0 {
			t.Errorf("%s goes unnoticed", rule)
		}
	}
}

// child runs behaviours of other processes' sources, one a line, and answers
// each with a line.
func child(in io.Reader, out io.Writer) int {
	dec, enc := json.NewDecoder(in), json.NewEncoder(out)
	all := map[string]evil.Behaviour{}
	for _, b := range evil.Behaviours() {
		all[b.Group+"/"+b.Name] = b
	}
	for {
		var of task
		if err := dec.Decode(&of); errors.Is(err, io.EOF) {
			return 0
		} else if err != nil {
			return 1
		}
		resetPeak()
		base := memory("VmRSS")
		roots, err := evil.Roots(of.Trust)
		if err != nil {
			return 1
		}
		r := run(context.Background(), all[of.Name], of.URL, roots, of.Dir)
		r.Peak = memory("VmHWM")
		if enc.Encode(answer{r, base, os.Getpid()}) != nil {
			return 1
		}
	}
}

// A task is what a child is told to do.
type task struct {
	Name, URL, Dir string
	Trust          *[][]byte
}

// An answer is what a child says of one run. Sizes are in bytes.
type answer struct {
	result
	Base int64
	Pid  int
}
