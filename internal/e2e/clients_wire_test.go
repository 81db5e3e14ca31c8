package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
)

// answered sends the request, which must succeed, and returns the body.
func (s *server) answered(r *http.Request) []byte {
	s.t.Helper()
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != 200 {
		s.t.Fatalf("%s %s: %s %v %s\n%s", r.Method, r.URL.Path, answer.Status, err, text, s.log)
	}
	return text
}

// upload sends a file as a form, chunked, as the TypeScript SDK does from Node.
func (s *server) upload(path, name string, content []byte) map[string]any {
	s.t.Helper()
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, err := w.CreateFormFile("file", name)
	if err == nil {
		_, err = part.Write(content)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(s.t.Context(), "POST", s.url+path, io.MultiReader(&form)) // no length is known
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+testKey)
	r.Header.Set("Content-Type", w.FormDataContentType())
	var answer map[string]any
	unmarshal(s.t, s.answered(r), &answer)
	return answer
}

// untilReady follows the jobs of a datasource until it is ready.
func (s *server) untilReady(datasource string) {
	s.t.Helper()
	var jobs []jobWire
	s.call("GET", "/v1/jobs?source_id="+datasource, nil, &jobs)
	for _, j := range jobs {
		if got := s.wait(j.ID); got.Status != "completed" {
			s.t.Fatalf("%s: %s %+v\n%s", j.Type, got.Status, got.Error, s.log)
		}
	}
	var d struct{ Status string }
	s.call("GET", "/v1/datasources/"+datasource, nil, &d)
	if d.Status != "ready" {
		s.t.Fatalf("the datasource is %s", d.Status)
	}
}

func unmarshal(t *testing.T, text []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%v in %.500s", err, text)
	}
}

// eventsOf reads server-sent events, the last of each name, and holds them to the rules
// that existing clients impose.
func eventsOf(t *testing.T, text string) map[string]map[string]any {
	t.Helper()
	all := map[string]map[string]any{}
	if strings.Contains(text, "\r") || !strings.HasSuffix(text, "\n\n") {
		t.Errorf("the stream has carriage returns, or no end: %.300q", text)
	}
	for i, block := range strings.Split(strings.TrimSuffix(text, "\n\n"), "\n\n") {
		lines := strings.Split(block, "\n")
		if len(lines) != 3 || lines[0] != fmt.Sprintf("id: %d", i+1) || !strings.HasPrefix(lines[1], "event: ") || !strings.HasPrefix(lines[2], "data: ") {
			t.Fatalf("event %d is not id, event and one data line: %q", i+1, block)
		}
		var data map[string]any
		unmarshal(t, []byte(strings.TrimPrefix(lines[2], "data: ")), &data)
		all[strings.TrimPrefix(lines[1], "event: ")] = data
	}
	return all
}

// rowsOf reads a result as F1 does: the first two columns of items.MAIN.item.rows.
func rowsOf(t *testing.T, text []byte) map[string]string {
	t.Helper()
	var result struct {
		Items map[string]struct {
			Item struct{ Rows [][]any }
		}
	}
	unmarshal(t, text, &result)
	rows := map[string]string{}
	for _, row := range result.Items["MAIN"].Item.Rows {
		rows[fmt.Sprint(row[0])] = fmt.Sprint(row[1])
	}
	return rows
}

// stocks is a CSV file with prices of three symbols.
func stocks() []byte {
	var b bytes.Buffer
	b.WriteString("Date,Symbol,Open,High,Low,Close,Volume\n")
	for i := range 120 {
		for n, symbol := range []string{"AAPL", "GOOGL", "MSFT"} {
			price := float64(100+10*n) + float64(i%17)
			fmt.Fprintf(&b, "2024-%02d-%02d,%s,%.2f,%.2f,%.2f,%.2f,%d\n", 1+i/28, 1+i%28, symbol, price, price+2, price-1.5, price+0.25, 1_000_000+1000*((i*7+n)%90))
		}
	}
	return b.Bytes()
}
