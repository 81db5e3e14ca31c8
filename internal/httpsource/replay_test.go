package httpsource_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"millwright/internal/httpsource"
	"millwright/internal/httpsource/decode"
)

// A keeper is a sink that keeps pages in memory.
type keeper struct {
	sink
	rests []string
	infos []httpsource.BodyInfo
	rows  [][]string // of each page
}

func (k *keeper) BeginPage(p httpsource.Page) error {
	k.rests, k.rows = append(k.rests, ""), append(k.rows, nil)
	return k.sink.BeginPage(p)
}

func (k *keeper) Record(raw []byte) error {
	k.rows[len(k.rows)-1] = append(k.rows[len(k.rows)-1], string(raw))
	return k.sink.Record(raw)
}

func (k *keeper) Rest(p []byte) error {
	k.rests[len(k.rests)-1] += string(p)
	return nil
}

func (k *keeper) Body(b httpsource.BodyInfo) error {
	k.infos = append(k.infos, b)
	return nil
}

// body puts page i together again.
func (k *keeper) body(i int) string {
	if k.infos[i].Whole {
		return k.rests[i]
	}
	var out strings.Builder
	next := 0
	for _, c := range []byte(k.rests[i]) {
		switch c {
		case decode.RecordHere:
			out.WriteString(k.rows[i][next])
			next++
		case decode.RecordMade:
			next++
		default:
			out.WriteByte(c)
		}
	}
	return out.String()
}

// stored are the pages as Replay takes them.
func (k *keeper) stored() iter.Seq2[httpsource.StoredPage, error] {
	return func(yield func(httpsource.StoredPage, error) bool) {
		for i, p := range k.pages {
			page := httpsource.StoredPage{Number: p.Number, URL: p.URL, ContentType: k.infos[i].ContentType, Partial: k.infos[i].Partial,
				Received: k.ends[i].Bytes, Body: strings.NewReader(k.body(i))}
			if !yield(page, nil) {
				return
			}
		}
	}
}

func keep(t *testing.T, c *httpsource.Client, s httpsource.Spec, opt httpsource.Options) (*keeper, httpsource.Outcome) {
	t.Helper()
	k := &keeper{}
	out, err := c.Fetch(t.Context(), s, opt, k)
	if err != nil {
		t.Fatal(err)
	}
	if len(k.infos) != len(k.pages) {
		t.Fatalf("%d pages, %d ends of bodies", len(k.pages), len(k.infos))
	}
	return k, out
}

// storable are bodies of every shape, each with the path to its rows, "" for none.
func storable() [][3]string {
	big := strings.Repeat(`{"id":1,"text":"`+strings.Repeat("x", 900)+`"},`, 9000) + `{"id":2}`
	return [][3]string{
		{`[{"a":1},{"a":2}]`}, {"{\"a\":1}\n{\"a\":2}\n"}, {`{"a":1}{"a":2}`}, {`{"total":2,"items":[{"a":1},{"a":2}],"next":null}`},
		{` { "total" : 2 , "items" : [ { "a" : 1 } , {"a":2,"b":[1, 2]} ] } `}, {`{"a":1,"b":{"c":2}}`}, {`[1,"x",null]`}, {`[]`}, {`{"items":[]}`, "items"}, {`null`}, {`"text"`},
		{`[["NAME","POP"],["Alabama",5024279],["Alaska",733391]]`}, {`{"columns":["a","b"],"rows":[[1,2],[3,4]]}`}, {`{"a":[1,2],"b":["x","y"]}`},
		{`{"u1":{"n":1},"u2":{"n":2},"u3":{"n":3},"u4":{"n":4},"u5":{"n":5},"u6":{"n":6},"u7":{"n":7},"u8":{"n":8},"u9":{"n":9},"u10":{"n":10}}`},
		{`{"data":{"items":[{"a":1},7,{"a":[{"b":1}]}]}}`, "data.items"}, {`{"a":[{"b":{"c":1}},{"b":{"c":2}}]}`, "$.a[*].b"}, {`{"a":[{"b":[{"c":1},{"c":2}]},{"b":[]}]}`, "$.a[*].b"},
		{`{"a":[{"b":1,"x":{"b":5}},{"b":2}]}`, "$..b"}, {`{"a":[[{"c":1}],[{"c":2}]]}`, "$.a[1]"}, {`{"a":{"k":[{"c":1}]}}`, "a.k[0]"},
		{`{"type":"FeatureCollection","features":[{"type":"Feature","geometry":null,"properties":{"n":1}},{"type":"Feature","geometry":null,"properties":{"n":2}}]}`},
		{`{"data":[{"type":"a","id":"1","attributes":{"x":1}},{"type":"a","id":"2","attributes":{"x":2}}]}`}, {`{"data":{"c":{"edges":[{"node":{"a":1},"cursor":"x"},{"node":{"a":2},"cursor":"y"}]}}}`},
		{`{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"j":"x"},"values":[[1,"2"],[3,"4"]]}]}}`},
		{`{"results":[{"statement_id":0,"series":[{"name":"cpu","columns":["time","v"],"values":[["2024-01-01T00:00:00Z",1],["2024-01-02T00:00:00Z",2]]}]}]}`},
		{"id,name\n1,Ann\n2,\"B\nob\"\n"}, {"<r><i n=\"1\"><a>x</a></i><i n=\"2\"><a>y</a></i></r>"}, {`[{"s":"\u001e\u001f é \" ]"}]`}, {`{"k\u001e":"\u001f","items":[{"a":1}]}`, "items"},
		{`{"first":[` + big + `],"second":[{"z":1}]}`, "first"}, {`{"first":[` + big + `],"second":[{"z":1}]}`, "second"},
	}
}

// TestPagesAreDecodedAgain fetches bodies of every shape, puts them together again
// from what a keeper got, and replays them: the bodies say the same, and the records
// are the same.
func TestPagesAreDecodedAgain(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	for _, s := range storable() {
		text, path := s[0], s[1]
		u := serve(t, body(text))
		sp := get(t, u, fmt.Sprintf(`"responsePathExtractor":%s`, quote(path)))
		k, out := keep(t, c, sp, httpsource.Options{})
		if got := k.body(0); !sameJSON(text, got) {
			t.Errorf("%s at %q comes back as %.300s", brief(text), path, got)
		}
		for _, again := range []httpsource.Spec{sp, out.Settle(sp)} {
			second := &keeper{}
			out2, err := c.Replay(t.Context(), again, httpsource.Options{}, k.stored(), second)
			if err != nil || !cmp.Equal(k.sink.rows, second.sink.rows) || out2.Records != out.Records || out2.Verdict.Reason != "replayed" || out2.ResponsePath != out.ResponsePath {
				t.Errorf("%s at %q: %d records instead of %d, %v", brief(text), path, out2.Records, out.Records, err)
				continue
			}
			if got := second.body(0); !sameJSON(text, got) {
				t.Errorf("%s at %q comes back the second time as %.300s", brief(text), path, got)
			}
		}
	}
}

func brief(s string) string { return s[:min(len(s), 80)] }

// sameJSON compares JSON texts but for white space, and others byte by byte.
func sameJSON(a, b string) bool {
	compact := func(s string) string {
		var out bytes.Buffer
		if json.Compact(&out, []byte(s)) != nil {
			return strings.TrimSpace(s)
		}
		return out.String()
	}
	return compact(a) == compact(b)
}

func TestAnotherPathIsDecodedFromStoredPages(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n := query(r, "page", 1)
		fmt.Fprintf(w, `{"total":30,"items":%s,"authors":[{"name":"a%d"},{"name":"b%d"}]}`, rows((n-1)*10, n*10), n, n)
	})
	k, out := keep(t, c, get(t, u+"/?page=1", `"responsePathExtractor":"items"`), httpsource.Options{})
	if out.Records != 30 || len(k.pages) != 3 {
		t.Fatalf("%d records on %d pages", out.Records, len(k.pages))
	}
	other := &keeper{}
	out, err := c.Replay(t.Context(), get(t, u+"/?page=1", `"responsePathExtractor":"authors"`), httpsource.Options{}, k.stored(), other)
	want := []string{`{"name":"a1"}`, `{"name":"b1"}`, `{"name":"a2"}`, `{"name":"b2"}`, `{"name":"a3"}`, `{"name":"b3"}`}
	if err != nil || !cmp.Equal(want, other.sink.rows) || out.Pages != 3 {
		t.Errorf("%q on %d pages, %v", other.sink.rows, out.Pages, err)
	}
	if !cmp.Equal(k.pages, other.pages) {
		t.Errorf("pages %v, want %v", other.pages, k.pages)
	}
	if _, err := c.Replay(t.Context(), get(t, u, `"responsePathExtractor":"nobody"`), httpsource.Options{}, k.stored(), &keeper{}); errType(err) != "path-selects-nothing" {
		t.Errorf("a path that leads nowhere: %v", err)
	}
	own := errors.New("the file is damaged")
	_, err = c.Replay(t.Context(), get(t, u), httpsource.Options{}, func(yield func(httpsource.StoredPage, error) bool) { yield(httpsource.StoredPage{}, own) }, &keeper{})
	if err != own {
		t.Errorf("an error of the pages comes back as %v", err)
	}
}

// TestAPageLeftAtALimitIsDecodedAgain stops in the middle of a page.
func TestAPageLeftAtALimitIsDecodedAgain(t *testing.T) {
	t.Parallel()
	client := newClient(t)
	for _, c := range []struct {
		text string
		all  int // records in what is kept
	}{
		{`{"items":[{"a":1},{"a":2},{"a":3},{"a":4}],"total":4}`, 2}, {"{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n", 2},
		// Text that is cut could not be told from text that is broken: all of it is kept.
		{"a,b\n" + strings.Repeat("1,some more text\n", 100_000), 100_000}, {"<r>" + strings.Repeat("<i><a>1</a></i>", 20_000) + "</r>", 20_000},
	} {
		text := c.text
		u := serve(t, body(text))
		k, out := keep(t, client, get(t, u), httpsource.Options{MaxRecords: 2})
		second := &keeper{}
		_, err := client.Replay(t.Context(), out.Settle(get(t, u)), httpsource.Options{MaxRecords: 2}, k.stored(), second)
		if err != nil || len(k.sink.rows) != 2 || !cmp.Equal(k.sink.rows, second.sink.rows) {
			t.Errorf("%s: %q, want %q; %v", brief(text), second.sink.rows, k.sink.rows, err)
		}
		out, err = client.Replay(t.Context(), out.Settle(get(t, u)), httpsource.Options{}, k.stored(), &keeper{})
		if err != nil || out.Records != int64(c.all) {
			t.Errorf("%s: %d records without a limit, want %d; %v", brief(text), out.Records, c.all, err)
		}
	}
}

// TestSecretsAreNotInWhatIsKept echoes a secret in every spelling at every place.
func TestSecretsAreNotInWhatIsKept(t *testing.T) {
	t.Parallel()
	const canary = `cAnArY-0123456789/+"\x`
	spellings := []string{canary, url.QueryEscape(canary), base64.StdEncoding.EncodeToString([]byte(canary))}
	inJSON, _ := json.Marshal(spellings)
	filler := strings.Repeat("lorem ipsum ", 20_000)
	long, _ := json.Marshal(canary)
	for _, text := range []string{
		`{"echo":` + string(inJSON) + `,"items":[{"a":1}],"` + spellings[1] + `":1}`,
		`{"items":[{"a":1}],"echo":"https://x.example/?key=` + spellings[1] + `"}`,
		`{"items":[{"a":1}],"filler":["` + strings.Repeat(filler+`","`, 25) + `"],"late":` + string(long) + `}`,
		`{"a":[1,2],"b":` + string(long[:len(long)-1]) + `"}`, `[[` + string(long) + `,"b"],[1,2]]`,
		"id,echo\n1," + spellings[1] + "\n" + strings.Repeat("2,"+filler[:3000]+"\n", 900),
		"<r><i><a>" + spellings[2] + "</a></i><i><a>x</a></i></r>",
	} {
		u := serve(t, body(text))
		k, _ := keep(t, newClient(t), get(t, u, `"headers":{"X-Api-Key":`+string(long)+`}`), httpsource.Options{})
		for i := range k.rests {
			for _, s := range append(spellings, strings.Trim(string(long), `"`)) {
				if strings.Contains(k.body(i), s) {
					t.Errorf("%.60s: %q is kept", text, s)
				}
			}
		}
	}
}
