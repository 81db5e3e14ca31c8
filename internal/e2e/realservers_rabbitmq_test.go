package e2e_test

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const rabbitConfig = `
listeners.tcp.1 = 127.0.0.1:%d
management.tcp.ip = 127.0.0.1
management.tcp.port = %d
default_user = ada
default_pass = pa:ss/w0rd-1815
log.console = true
`

// startRabbitMQ runs a node with its management API and returns the API's address.
func startRabbitMQ(t *testing.T) string {
	t.Helper()
	// The scripts in /usr/sbin change to the user of the system's own node.
	path := program(t, "/usr/lib/rabbitmq/bin/rabbitmq-server", "rabbitmq-server")
	dir, api, names := t.TempDir(), freePort(t), strconv.Itoa(freePort(t))
	files := map[string]string{"rabbitmq.conf": fmt.Sprintf(rabbitConfig, freePort(t), api), "enabled_plugins": "[rabbitmq_management].\n", "env.conf": ""}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// A node that finds no registry of node names starts one that outlives it.
	registry := exec.Command(program(t, "epmd"), "-port", names, "-address", "127.0.0.1")
	raise(t, registry, func() error {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", "127.0.0.1:"+names)
		if err != nil {
			return err
		}
		return conn.Close()
	})
	node := exec.Command(path)
	node.Dir = dir
	node.Env = append(os.Environ(), "HOME="+dir, "ERL_EPMD_PORT="+names, "ERL_EPMD_ADDRESS=127.0.0.1", "RABBITMQ_DIST_PORT="+strconv.Itoa(freePort(t)),
		"RABBITMQ_NODENAME=millwright"+names+"@localhost", "RABBITMQ_CONF_ENV_FILE="+filepath.Join(dir, "env.conf"),
		"RABBITMQ_CONFIG_FILE="+filepath.Join(dir, "rabbitmq.conf"), "RABBITMQ_ADVANCED_CONFIG_FILE="+filepath.Join(dir, "advanced.config"),
		"RABBITMQ_ENABLED_PLUGINS_FILE="+filepath.Join(dir, "enabled_plugins"), "RABBITMQ_PID_FILE="+filepath.Join(dir, "pid"),
		"RABBITMQ_MNESIA_BASE="+filepath.Join(dir, "mnesia"), "RABBITMQ_LOG_BASE="+filepath.Join(dir, "log"))
	base := "http://127.0.0.1:" + strconv.Itoa(api)
	raise(t, node, func() error {
		status, text, err := send(t, "GET", base+"/api/overview", nil, rabbitLogin()...)
		if err == nil && status != 200 {
			err = fmt.Errorf("%d %s", status, text)
		}
		return err
	})
	return base
}

func rabbitLogin() []string {
	return []string{"Authorization", "Basic " + b64("ada:pa:ss/w0rd-1815"), "Content-Type", "application/json"}
}

func TestRealRabbitMQQueuesArePagedByNumber(t *testing.T) {
	onlyReal(t)
	base := startRabbitMQ(t)
	const queues = 1130
	var defined []map[string]any
	for n := range queues {
		arguments := map[string]any{}
		if n%5 == 0 {
			arguments["x-max-length"] = n
		}
		defined = append(defined, map[string]any{"vhost": "/", "name": fmt.Sprintf("orders.%04d", n), "durable": n%3 > 0, "auto_delete": false, "arguments": arguments})
	}
	ask(t, "POST", base+"/api/definitions", map[string]any{"queues": defined}, nil, rabbitLogin()...)

	// What is not fixed, such as the memory of a queue, is not asked for.
	const columns = "name,vhost,durable,auto_delete,type,arguments"
	var all []json.RawMessage
	ask(t, "GET", base+"/api/queues?columns="+columns, nil, &all, rabbitLogin()...)
	if len(all) != queues {
		t.Fatalf("RabbitMQ has %d queues, want %d", len(all), queues)
	}
	all = sorted(t, all, nameOf(t))

	s := start(t)
	auth := map[string]any{"basicAuth": map[string]any{"username": "ada", "password": "pa:ss/w0rd-1815"}}
	spec := func(params map[string]any) map[string]any {
		return map[string]any{"url": base + "/api/queues", "method": "GET", "authType": "Basic Auth", "auth": auth, "parameters": params}
	}
	paged := spec(map[string]any{"page": "1", "page_size": "100", "columns": columns, "sort": "name"})
	s.finds("queues", paged, finding{path: "items", shape: "rows", paging: "page", proof: "the request has a page number in page"})
	s.lands("queues", paged, all, "complete", "total-matched", 12)

	// Without a page number all come at once, as an array that claims nothing. The
	// test takes no more than its limit of records, and finds nothing to page by.
	whole := spec(map[string]any{"columns": columns, "sort": "name"})
	s.finds("queues at once", whole, finding{path: "$", shape: "rows", paging: "none"})
	s.lands("queues at once", whole, all, "complete_unverified", "one-answer", 1)

	wrong := spec(map[string]any{"page": "1"})
	wrong["auth"] = map[string]any{"basicAuth": map[string]any{"username": "ada", "password": "another"}}
	if got := s.try(wrong); got.Success || got.Status != 401 || len(got.Suggestions) == 0 {
		t.Errorf("a wrong password: %+v, want 401 and what to do", got)
	}
	if log := s.log.String(); strings.Contains(log, "w0rd-1815") {
		t.Error("the log holds the password")
	}
}

func nameOf(t *testing.T) func(json.RawMessage) string {
	return func(record json.RawMessage) string {
		var v struct{ Name string }
		if err := json.Unmarshal(record, &v); err != nil {
			t.Fatal(err)
		}
		return v.Name
	}
}
