package evil_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"testing"
	"time"

	"millwright/internal/httpsource/evil"
)

// most is how much memory a run may take above what the process had before.
const most = 300 << 20

// TestHeavy sends gigabytes to another process, which has to stay the same one
// and small. The light behaviours are sent to it too: none may kill it.
func TestHeavy(t *testing.T) {
	if os.Getenv("MILLWRIGHT_EVIL_HEAVY") == "" {
		t.Skip("moves 25 GB; part of make report-connector")
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "MILLWRIGHT_EVIL_CHILD=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	enc, dec := json.NewEncoder(in), json.NewDecoder(out)
	dir, pid, peak := t.TempDir(), 0, int64(0)
	for _, b := range evil.Behaviours() {
		source, err := b.Start()
		if err != nil {
			t.Fatal(err)
		}
		name := b.Group + "/" + b.Name
		var a answer
		err = enc.Encode(task{name, source.Self, dir, source.Trust})
		if err == nil {
			err = dec.Decode(&a)
		}
		if err != nil {
			t.Fatalf("%s: the process is gone: %v", name, err)
		}
		above := a.Peak - a.Base
		wrong := judge(b, source.Source, a.result)
		source.Close()
		for _, w := range wrong {
			t.Errorf("%s: %s", name, w)
		}
		if above > most {
			t.Errorf("%s: the process grew by %d MB, more than %d", name, above>>20, most>>20)
		}
		if pid != 0 && a.Pid != pid {
			t.Errorf("%s: another process answers", name)
		}
		pid, peak = a.Pid, max(peak, above)
		if b.Heavy {
			t.Logf("%s: %s in %v, +%d MB", name, a.got(), a.Took.Round(time.Millisecond), above>>20)
			report(t, "heavy", line{Group: b.Group, Name: b.Name, Want: b.Want.String(), Got: a.got(), Took: a.Took, Peak: above, OK: len(wrong) == 0 && above <= most})
			continue
		}
		report(t, "memory", line{Group: b.Group, Name: b.Name, Got: a.got(), Took: a.Took, Peak: above, OK: len(wrong) == 0 && above <= most})
	}
	if err := in.Close(); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the process ended badly: %v", err)
	}
	t.Logf("one process, at most +%d MB", peak>>20)
}
