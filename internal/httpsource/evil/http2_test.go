package evil_test

import (
	"testing"

	"millwright/internal/httpsource/evil"
)

// What a source does wrong by rule is not asked for again; what it lost is, on a
// connection of its own.
func TestHTTP2IsRepeatedOnlyIfThatCanHelp(t *testing.T) {
	t.Parallel()
	want := map[string]int64{
		"tls/http-2-header-bomb": 1, "http2/continuation-flood": 1, "http2/hpack-bomb": 1, "http2/hpack-bomb-in-pieces": 1, "http2/hpack-garbage": 1,
		"http2/pushes": 1, "http2/frame-too-large": 1, "http2/data-before-the-header": 1, "http2/field-name-in-capitals": 1, "http2/more-than-the-window": 1,
		"http2/goaway-mid-stream-then-good": 2, "http2/goaway-with-an-error-then-good": 2, "http2/goaway-before-the-answer-then-good": 2,
		"http2/closed-mid-stream-then-good": 2, "http2/reset-mid-stream-then-good": 1, "http2/refused-stream-then-good": 1,
	}
	for _, b := range evil.Behaviours() {
		name := b.Group + "/" + b.Name
		n, ok := want[name]
		if !ok {
			continue
		}
		delete(want, name)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, err := b.Start()
			if err != nil {
				t.Fatal(err)
			}
			defer source.Close()
			r := run(t.Context(), b, source.Self, source.RootCAs, t.TempDir())
			for _, w := range judge(b, source.Source, r) {
				t.Error(w)
			}
			if got := source.Asked(); got != n {
				t.Errorf("%d connections, want %d", got, n)
			}
		})
	}
	if len(want) > 0 {
		t.Errorf("there is no behaviour named %v", want)
	}
}
