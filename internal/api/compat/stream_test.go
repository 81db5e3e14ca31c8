package compat_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"millwright/internal/api/compat"
)

// Files are read by their operations, as they come: not before, and not into memory.
func TestFilesAreNotReadBeforeTheirOperation(t *testing.T) {
	t.Parallel()
	for target, file := range map[string]bool{"POST /v1/actions/load/p": true, "POST /api/infactory/v1/actions/load/p/": true, "PATCH /v1/uploads/u": true,
		"POST /projects/import": true, "POST /v1/projects/import": true, "POST /api/infactory/projects/validate-import": true,
		"POST /v1/uploads/p": false, "POST /v1/projects": false, "PATCH /v1/projects/import": true} {
		reached := false
		h := compat.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }), func(http.ResponseWriter, *http.Request, error) {})
		method, path, _ := strings.Cut(target, " ")
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(method, path, iotest.ErrReader(errors.New("read"))))
		if reached != file {
			t.Errorf("%s: reached its operation unread: %t, want %t", target, reached, file)
		}
	}
}
