package e2e_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"millwright/internal/demo"
)

// A lineageEvent is what the tests read of an OpenLineage event.
type lineageEvent struct {
	EventType string `json:"eventType"`
	Run       struct {
		ID     string `json:"runId"`
		Facets map[string]json.RawMessage
	}
	Inputs []struct {
		Namespace, Name string
		InputFacets     map[string]struct {
			Count int
			Pages []struct{ URL string }
		} `json:"inputFacets"`
	}
	Outputs []struct {
		Name   string
		Facets map[string]json.RawMessage
	}
}

func TestLineageIsSentAndToldAsOpenLineage(t *testing.T) {
	shop := upstream(t, demo.Server{Orders: 250, Token: "shop-token-1"})
	sent := make(chan []byte, 100)
	collector := upstream(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Header.Get("Authorization") != "Bearer collector-key" {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		sent <- body
		w.WriteHeader(http.StatusCreated)
	}))
	t.Setenv("MILLWRIGHT_OPENLINEAGE_API_KEY", "collector-key")
	s := startIn(t, t.TempDir(), "--allow-cidr", "127.0.0.0/8", "--openlineage-url", collector+"/api/v1/lineage")
	spec := map[string]any{"url": shop + "/orders?per_page=100", "method": "GET", "responsePathExtractor": "data.orders", "authType": "Bearer Token", "auth": map[string]any{"bearerToken": "shop-token-1"}}
	d := s.land("Orders", spec)
	spec["auth"] = map[string]any{"bearerToken": "wrong-token"}
	_, jobs := s.connect("Broken", spec)
	if failed := s.wait(jobs[0].ID); failed.Status != "failed" {
		t.Fatalf("a run with a wrong token: %+v", failed)
	}
	var events []json.RawMessage
	for len(events) < 4 {
		select {
		case e := <-sent:
			events = append(events, e)
		case <-time.After(30 * time.Second):
			t.Fatalf("%d events were sent, want 4\n%s", len(events), s.log)
		}
	}
	for _, path := range []string{"/v1/projects/" + s.project() + "/lineage?format=openlineage", "/v1/datasources/" + datasourceOf(s, d) + "/lineage?format=openlineage"} {
		var told []json.RawMessage
		s.call("GET", path, nil, &told)
		events = append(events, told...)
	}
	all, err := json.Marshal(events)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(all, []byte("shop-token")) || bytes.Contains(all, []byte("wrong-token")) || strings.Contains(s.log.String(), "collector-key") {
		t.Error("a secret is in the events, or the collector's key in the log")
	}
	checkLineage(t, events[:4], d)
	if want := `{"COMPLETE": 3, "FAIL": 2, "START": 5}`; readLineage(t, all) != want {
		t.Errorf("the classes of openlineage-python read %s, want %s", readLineage(t, all), want)
	}
}

// checkLineage looks at what was sent of the run that landed d, and of one that failed.
func checkLineage(t *testing.T, events []json.RawMessage, d dataline) {
	t.Helper()
	for _, text := range events {
		var e lineageEvent
		if err := json.Unmarshal(text, &e); err != nil {
			t.Fatal(err)
		}
		switch e.EventType {
		case "COMPLETE":
			pages := e.Inputs[0].InputFacets["millwright_pages"]
			if e.Inputs[0].Name != "orders" || pages.Count != 3 || len(pages.Pages) != 3 || !strings.HasPrefix(pages.Pages[0].URL, e.Inputs[0].Namespace+"/orders") {
				t.Errorf("the input is not the source with its pages: %s", text)
			}
			out := e.Outputs[0]
			if !strings.HasSuffix(out.Name, ".orders") || !bytes.Contains(out.Facets["schema"], []byte(`"amount"`)) || !bytes.Contains(out.Facets["columnLineage"], []byte(`"field":"amount"`)) ||
				!bytes.Contains(out.Facets["version"], []byte(`"1"`)) {
				t.Errorf("the output is not the dataset with its columns: %s", text)
			}
			if !bytes.Contains(e.Run.Facets["millwright_verdict"], []byte(`"complete"`)) {
				t.Errorf("the run does not say how complete it is: %s", text)
			}
		case "FAIL":
			if len(e.Outputs) != 0 || !bytes.Contains(e.Run.Facets["errorMessage"], []byte("credentials")) && !bytes.Contains(e.Run.Facets["errorMessage"], []byte("401")) {
				t.Errorf("the failure does not say why: %s", text)
			}
		}
	}
}

// readLineage reads events with the official classes and returns how many there are of
// each type.
func readLineage(t *testing.T, events []byte) string {
	t.Helper()
	interpreter, err := filepath.Abs("../../.cache/clients/bin/python")
	if err != nil {
		t.Fatal(err)
	}
	need(t, interpreter, "make prepare installs openlineage-python there")
	cmd := exec.CommandContext(t.Context(), interpreter, "testdata/read_openlineage.py")
	cmd.Env, cmd.Stdin = os.Environ(), bytes.NewReader(events)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

func datasourceOf(s *server, d dataline) string {
	var full struct {
		Datasource string `json:"datasource_id"`
	}
	s.call("GET", "/v1/datalines/"+d.ID, nil, &full)
	return full.Datasource
}
