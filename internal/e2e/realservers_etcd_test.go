package e2e_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"testing"
)

// startEtcd runs etcd and returns the address of its JSON gateway.
func startEtcd(t *testing.T) string {
	t.Helper()
	path := program(t, "etcd")
	client, peer := "http://127.0.0.1:"+strconv.Itoa(freePort(t)), "http://127.0.0.1:"+strconv.Itoa(freePort(t))
	cmd := exec.Command(path, "--name", "one", "--data-dir", t.TempDir(), "--listen-client-urls", client, "--advertise-client-urls", client,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "one="+peer)
	raise(t, cmd, answers(t, client+"/health", `"true"`))
	return client
}

type etcdRange struct {
	KVs   []json.RawMessage
	Count string
	More  bool
}

func TestRealEtcdRangesArePagedByTheirLastKey(t *testing.T) {
	const keys, page = 2500, 400
	base := startEtcd(t)
	for first := 0; first < keys; first += 100 {
		// etcd takes up to 128 operations in one transaction.
		var puts []map[string]any
		for n := first; n < first+100; n++ {
			puts = append(puts, map[string]any{"request_put": map[string]string{
				"key": b64(fmt.Sprintf("/shop/orders/%07d", n)), "value": b64(fmt.Sprintf(`{"order":%d,"note":"ü %d"}`, n, n*n))}})
		}
		ask(t, "POST", base+"/v3/kv/txn", map[string]any{"success": puts}, nil)
	}
	// Of another prefix: it must not come.
	ask(t, "POST", base+"/v3/kv/put", map[string]string{"key": b64("/shop/users/1"), "value": b64("x")}, nil)

	var all etcdRange
	ask(t, "POST", base+"/v3/kv/range", etcdQuery(0), &all)
	if len(all.KVs) != keys || all.Count != strconv.Itoa(keys) {
		t.Fatalf("etcd has %d keys and counts %s, want %d", len(all.KVs), all.Count, keys)
	}
	slices.Reverse(all.KVs)

	s := start(t)
	// Downwards the last key is the end of the next range, which does not hold it.
	query := etcdQuery(page)
	query["sort_order"], query["sort_target"] = "DESCEND", "KEY"
	spec := etcdSpec(t, base, query)
	spec["options"] = map[string]any{"pagination": map[string]any{"kind": "last_row", "path": "key", "param": "range_end", "in": "body"}}
	s.finds("etcd", spec, finding{path: "kvs", shape: "rows", paging: "last_row", proof: "set for this connection"})
	// etcd writes no "more" when there is none, so an eighth page is asked for. It is
	// empty, and what each page counts is what is left from there on.
	s.lands("etcd", spec, all.KVs, "complete", "total-matched", 8)

	// Left to itself it knows that there is more and does not know the way: etcd
	// takes no parameter of a usual name.
	if problem, _ := s.fails("etcd unguided", etcdSpec(t, base, etcdQuery(page))); problem != "incomplete-fewer-than-total" {
		t.Errorf("etcd unguided: %s, want incomplete-fewer-than-total", problem)
	}
}

func etcdQuery(limit int) map[string]any {
	return map[string]any{"key": b64("/shop/orders/"), "range_end": b64("/shop/orders0"), "limit": limit}
}

func etcdSpec(t *testing.T, base string, query map[string]any) map[string]any {
	t.Helper()
	text, err := json.Marshal(query)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]any{"url": base + "/v3/kv/range", "method": "POST", "responsePathExtractor": "kvs",
		"body": map[string]any{"type": "raw", "contentType": "application/json", "content": string(text)}}
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
