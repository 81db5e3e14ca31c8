package cli_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"millwright/internal/app"
	"millwright/internal/cli"
)

func TestMain(m *testing.M) {
	// The engine's workers are this same binary.
	if app.ServedAsWorker() {
		return
	}
	testscript.Main(m, map[string]func(){"millwright": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		os.Exit(cli.Run(ctx, cli.Env{Getenv: os.Getenv, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}, os.Args[1:]))
	}})
}

// secrets are what each script's environment holds, and what no command may print.
var secrets = map[string]string{
	"SHOP_TOKEN":    "canary-token-7f3a91c4d2",
	"SHOP_PASSWORD": "canary-password-7f3a91c4d3",
	"SHOP_KEY":      "canary-key-7f3a91c4d4",
	"SERVER_KEY":    "canary-server-key-7f3a91c4d5",
	"TYPED":         "canary-typed-7f3a91c4d6",
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			shop := newShop()
			server := httptest.NewServer(shop)
			env.Defer(server.Close)
			env.Defer(shop.release)
			env.Values[shopKey{}] = shop
			env.Setenv("SHOP_URL", server.URL)
			// Without it, commands would look for a server at the default address.
			env.Setenv("MILLWRIGHT_DATA", filepath.Join(env.WorkDir, "data"))
			env.Setenv("MILLWRIGHT_ALLOW_CIDR", "127.0.0.1/32")
			for name, value := range secrets {
				env.Setenv(name, value)
			}
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"run":       run,
			"tty":       onTerminal,
			"interrupt": interrupt,
			"serve":     serve,
			"stop":      stopServer,
			"jobs":      jobs,
			"lasting":   lasting,
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// run is the script command "run CODE ARGS...": millwright must end with that
// code, and print none of the secrets.
func run(ts *testscript.TestScript, _ bool, args []string) {
	code, args := wanted(ts, args)
	ended(ts, code, ts.Exec("millwright", args...))
	clean(ts, ts.ReadFile("stdout")+ts.ReadFile("stderr"))
}

// wanted takes the exit code off the arguments.
func wanted(ts *testscript.TestScript, args []string) (int, []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: run CODE ARGS...")
	}
	code, err := strconv.Atoi(args[0])
	ts.Check(err)
	return code, args[1:]
}

// ended checks the exit code of a process that ended with err.
func ended(ts *testscript.TestScript, want int, err error) {
	got := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func clean(ts *testscript.TestScript, printed string) {
	for name, value := range secrets {
		if strings.Contains(printed, value) {
			ts.Fatalf("the output holds $%s", name)
		}
	}
}

// environment is what run's processes see: what the script has set, and nothing
// of the machine's but where programs are.
func environment(ts *testscript.TestScript) []string {
	env := []string{"HOME=/no-home", "PATH=" + ts.Getenv("PATH"), "TMPDIR=" + ts.Getenv("TMPDIR"), "TERM=xterm"}
	for name := range secrets {
		env = append(env, name+"="+ts.Getenv(name))
	}
	for _, name := range []string{"MILLWRIGHT_DATA", "MILLWRIGHT_ALLOW_CIDR"} {
		env = append(env, name+"="+ts.Getenv(name))
	}
	return env
}

func command(ts *testscript.TestScript, args []string) *exec.Cmd {
	path, err := exec.LookPath("millwright")
	ts.Check(err)
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Env = ts.Getenv("WORK"), environment(ts)
	return cmd
}

// interrupt is the script command "interrupt ARGS...": millwright gets a SIGINT
// once the shop holds one of its requests back, and must end with 130. What it
// wrote to standard error is in the file interrupted.
func interrupt(ts *testscript.TestScript, _ bool, args []string) {
	shop := ts.Value(shopKey{}).(*shop)
	var printed strings.Builder
	cmd := command(ts, args)
	cmd.Stdout, cmd.Stderr = &printed, &printed
	ts.Check(cmd.Start())
	select {
	case <-shop.held:
	case <-time.After(20 * time.Second): // the next check tells
	}
	ts.Check(cmd.Process.Signal(syscall.SIGINT))
	err := cmd.Wait()
	ts.Logf("%s", printed.String())
	ended(ts, 130, err)
	clean(ts, printed.String())
	ts.Check(os.WriteFile(ts.MkAbs("interrupted"), []byte(printed.String()), 0o600))
}

// onTerminal is the script command "tty CODE ARGS...": like run, with both outputs
// on a terminal 100 characters wide. What it wrote is in the file screen.
func onTerminal(ts *testscript.TestScript, _ bool, args []string) {
	code, args := wanted(ts, args)
	ctrl, tty, err := openTerminal(100)
	ts.Check(err)
	cmd := command(ts, args)
	cmd.Stdout, cmd.Stderr = tty, tty
	ts.Check(cmd.Start())
	ts.Check(tty.Close())
	// Reading ends with an error when the last holder of the terminal is gone.
	screen, _ := io.ReadAll(ctrl)
	ended(ts, code, cmd.Wait())
	ts.Logf("%s", screen)
	clean(ts, string(screen))
	ts.Check(os.WriteFile(ts.MkAbs("screen"), screen, 0o600))
}

// serve is the script command "serve ARGS...": it runs a server whose key is
// $SERVER_KEY over the folder served, and sets SERVER_URL.
func serve(ts *testscript.TestScript, _ bool, args []string) {
	cmd := command(ts, append([]string{"serve", "--addr", "127.0.0.1:0", "--data", "served"}, args...))
	cmd.Env = append(cmd.Env, "MILLWRIGHT_API_KEY="+secrets["SERVER_KEY"])
	stderr, err := cmd.StderrPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	ts.Defer(func() {
		_ = cmd.Process.Kill() // it may have been stopped
		_ = cmd.Wait()
	})
	log := newWatcher(stderr)
	m := log.wait(regexp.MustCompile(`msg=serving url=(http://\S+)`))
	if m == nil {
		ts.Fatalf("the server does not serve:\n%s", log)
	}
	ts.Setenv("SERVER_URL", m[1])
	ts.Setenv("SERVER_ADDR", strings.TrimPrefix(m[1], "http://"))
	ts.Setenv("SERVER_PID", fmt.Sprint(cmd.Process.Pid))
}

// jobs is the script command "jobs": it writes the server's jobs, newest first, to
// the file jobs, one line for each: type and status.
func jobs(ts *testscript.TestScript, _ bool, _ []string) {
	r, err := http.NewRequest("GET", ts.Getenv("SERVER_URL")+"/v1/jobs", nil)
	ts.Check(err)
	r.Header.Set("Authorization", "Bearer "+secrets["SERVER_KEY"])
	resp, err := http.DefaultClient.Do(r)
	ts.Check(err)
	defer resp.Body.Close()
	var all []struct {
		Type   string `json:"job_type"`
		Status string `json:"status"`
	}
	ts.Check(json.NewDecoder(resp.Body).Decode(&all))
	var text strings.Builder
	for _, j := range all {
		fmt.Fprintln(&text, j.Type, j.Status)
	}
	ts.Check(os.WriteFile(ts.MkAbs("jobs"), []byte(text.String()), 0o600))
}

// lasting is the script command "lasting ARGS...": millwright must print what other
// terminals need to connect the shop to the server, and then wait until a SIGINT
// ends it well.
func lasting(ts *testscript.TestScript, _ bool, args []string) {
	cmd := command(ts, args)
	stderr, err := cmd.StderrPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	ts.Defer(func() { _ = cmd.Process.Kill() }) // it may have been stopped
	log := newWatcher(stderr)
	if log.wait(regexp.MustCompile(`^Ctrl-C stops it\.$`)) == nil {
		ts.Fatalf("it does not wait to be stopped:\n%s", log)
	}
	exports := regexp.MustCompile(`(?m)(MILLWRIGHT_URL|MILLWRIGHT_API_KEY|SHOP|SHOP_TOKEN)=(\S+)`)
	ask := command(ts, []string{"connect", "", "--auth", "bearer=env:SHOP_TOKEN", "--name", "again", "-q", "-o", "csv"})
	ask.Env = append(ask.Env, "MILLWRIGHT_DATA=")
	for _, m := range exports.FindAllStringSubmatch(log.String(), -1) {
		ask.Env = append(ask.Env, m[0])
		if m[1] == "SHOP" {
			ask.Args[2] = m[2]
		}
	}
	answer, err := ask.CombinedOutput()
	ts.Logf("%s", answer)
	ts.Check(err)
	ts.Check(cmd.Process.Signal(syscall.SIGINT))
	ended(ts, 0, cmd.Wait())
}

// stop is the script command "stop": it asks the server to end.
func stopServer(ts *testscript.TestScript, _ bool, _ []string) {
	pid, err := strconv.Atoi(ts.Getenv("SERVER_PID"))
	ts.Check(err)
	ts.Check(syscall.Kill(pid, syscall.SIGTERM))
}
