package job_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func diff(t testing.TB, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(got, want); d != "" {
		t.Errorf("%s (-got +want):\n%s", what, d)
	}
}

func crashInAJob(dir string) { panic("todo") }
