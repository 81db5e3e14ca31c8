package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// influxRowLimit is how many rows the server gives in one answer that is not chunked.
const influxRowLimit = 2000

const influxConfig = `
reporting-disabled = true
bind-address = "127.0.0.1:%d"
[meta]
  dir = "%[2]s/meta"
[data]
  dir = "%[2]s/data"
  wal-dir = "%[2]s/wal"
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:%[3]d"
  auth-enabled = true
  max-row-limit = %[4]d
`

// startInfluxDB runs InfluxDB 1 with a database "shop" of the user ada and returns
// its address.
func startInfluxDB(t *testing.T) string {
	t.Helper()
	dir, port := t.TempDir(), freePort(t)
	config := filepath.Join(dir, "influxdb.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, influxConfig, freePort(t), dir, port, influxRowLimit), 0o600); err != nil {
		t.Fatal(err)
	}
	base := "http://127.0.0.1:" + strconv.Itoa(port)
	raise(t, exec.Command(program(t, "influxd"), "run", "-config", config), func() error {
		status, _, err := send(t, "GET", base+"/ping", nil)
		if err == nil && status != http.StatusNoContent {
			err = fmt.Errorf("ping: %d", status)
		}
		return err
	})
	// The first user may be made by anybody, and everything else by that user.
	for _, q := range []string{`CREATE USER ada WITH PASSWORD 'w0rd 1815' WITH ALL PRIVILEGES`, `CREATE DATABASE shop`} {
		var got struct{ Results []struct{ Error string } }
		ask(t, "POST", base+"/query?"+values("q", q), nil, &got, influxLogin()...)
		if len(got.Results) != 1 || got.Results[0].Error != "" {
			t.Fatalf("%s: %+v", q, got)
		}
	}
	return base
}

func influxLogin() []string { return []string{"Authorization", "Basic " + b64("ada:w0rd 1815")} }

// fillInfluxDB writes points of three hosts: floats, integers, booleans and text,
// at times that differ by nanoseconds.
func fillInfluxDB(t *testing.T, base string, each int) {
	t.Helper()
	var lines bytes.Buffer
	for host := range 3 {
		for n := range each {
			fmt.Fprintf(&lines, "cpu,host=h%d,zone=z\\ %d load=%v,n=%di,up=%v,note=\"ü %d\" %d\n",
				host, host%2, float64(n)/7, int64(n)*9007199254740, n%3 > 0, n, 1700000000000000000+int64(host)+int64(n)*1000000123)
		}
	}
	ask(t, "POST", base+"/write?"+values("db", "shop", "precision", "ns"), lines.Bytes(), nil, influxLogin()...)
}

func TestRealInfluxDBSeriesBecomeRows(t *testing.T) {
	const each = 700
	base := startInfluxDB(t)
	fillInfluxDB(t, base, each)
	s := start(t)
	spec := func(params ...string) map[string]any {
		given := map[string]any{"db": "shop", "epoch": "ns"}
		for i := 0; i < len(params); i += 2 {
			given[params[i]] = params[i+1]
		}
		return map[string]any{"url": base + "/query", "method": "GET", "parameters": given, "authType": "Basic Auth",
			"auth": map[string]any{"basicAuth": map[string]any{"username": "ada", "password": "w0rd 1815"}}}
	}

	two := spec("q", `SELECT * FROM cpu WHERE host <> 'h2' GROUP BY host, zone`)
	s.finds("series", two, finding{path: "results", shape: "influxdb", paging: "none"})
	s.lands("series", two, influxRows(t, base, "ns", each, 0, 1), "complete_unverified", "one-answer", 1)

	// The server gives 2000 rows and writes "partial":true behind them.
	if problem, _ := s.fails("cut", spec("q", `SELECT * FROM cpu GROUP BY host, zone`)); problem != "incomplete-source-says" {
		t.Errorf("cut: %s, want incomplete-source-says", problem)
	}
	// In chunks it gives all. Each chunk but the last says "partial", and each is a
	// document of its own, so both are said by hand.
	chunked := spec("q", `SELECT * FROM cpu GROUP BY host, zone`, "chunked", "true", "chunk_size", "300")
	chunked["responsePathExtractor"] = "results"
	chunked["options"] = map[string]any{"shape": "influxdb", "on_partial": "warn"}
	s.finds("chunked", chunked, finding{path: "results", shape: "influxdb", paging: "none"})
	s.lands("chunked", chunked, influxRows(t, base, "ns", each, 0, 1, 2), "complete_unverified", "one-answer", 1)

	// Times as text have nanoseconds, which no timestamp of ours would keep.
	one := spec("epoch", "", "q", `SELECT * FROM cpu WHERE host = 'h1' GROUP BY host, zone`)
	s.lands("times as text", one, influxRows(t, base, "", each, 1), "complete_unverified", "one-answer", 1)

	// What it refuses it refuses with 200.
	if problem, _ := s.fails("no such database", spec("db", "shed", "q", `SELECT * FROM cpu`)); problem != "source-error" {
		t.Errorf("no such database: %s, want source-error", problem)
	}
}

// influxRows reads the points of each host on its own, and writes them as one
// would expect them: what names the series, then the columns.
func influxRows(t *testing.T, base, epoch string, each int, hosts ...int) []json.RawMessage {
	t.Helper()
	var out []json.RawMessage
	for _, host := range hosts {
		var got struct {
			Results []struct {
				Series []struct {
					Name    string
					Tags    map[string]string
					Columns []string
					Values  [][]json.RawMessage
				}
			}
		}
		q := url.Values{"db": {"shop"}, "epoch": {epoch}, "q": {fmt.Sprintf(`SELECT * FROM cpu WHERE host = 'h%d' GROUP BY host, zone`, host)}}
		ask(t, "GET", base+"/query?"+q.Encode(), nil, &got, influxLogin()...)
		series := got.Results[0].Series
		if len(series) != 1 || len(series[0].Values) != each {
			t.Fatalf("host %d: %d series", host, len(series))
		}
		for _, values := range series[0].Values {
			row := map[string]any{"measurement": series[0].Name}
			for name, value := range series[0].Tags {
				row[name] = value
			}
			for i, name := range series[0].Columns {
				row[name] = values[i]
			}
			text, err := json.Marshal(row)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, text)
		}
	}
	return out
}
