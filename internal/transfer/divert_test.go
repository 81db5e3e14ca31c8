package transfer

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/go-json-experiment/json/jsontext"

	"millwright/internal/errs"
)

type kept struct{ bytes.Buffer }

func (*kept) Close() error { return nil }

// divert passes text through a diverter and returns what comes out, and the files.
func divert(r io.Reader) (string, []string, error) {
	var files []*kept
	d := newDiverter(r, func() (io.WriteCloser, error) {
		files = append(files, &kept{})
		return files[len(files)-1], nil
	})
	out, err := io.ReadAll(d)
	texts := make([]string, len(files))
	for i, f := range files {
		texts[i] = f.String()
	}
	return string(out), texts, err
}

func TestFilesAreTakenOutOfADocument(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789", 50_000)
	in := `{"a": "content_base64", "b": ["content_base64", "x"], "content_base64" : "aGVsbG8=", "c":{"content_base64":""},
		"\"content_base64": "aGVsbG8=", "\/content_base64": "aGVsbG8=", "content\u005fbase64": "aGVsbG8=", "content_base64": null, "content_base64":"` + base64.StdEncoding.EncodeToString([]byte(long)) + `"}`
	want := `{"a": "content_base64", "b": ["content_base64", "x"], "content_base64" : 1, "c":{"content_base64":2},
		"\"content_base64": "aGVsbG8=", "\/content_base64": "aGVsbG8=", "content\u005fbase64": "aGVsbG8=", "content_base64": null, "content_base64":3}`
	for rule, r := range map[string]io.Reader{"at once": strings.NewReader(in), "byte by byte": iotest.OneByteReader(strings.NewReader(in))} {
		out, files, err := divert(r)
		if err != nil || out != want {
			t.Errorf("%s: %v\n%.300s", rule, err, out)
		}
		if len(files) != 3 || files[0] != "hello" || files[1] != "" || files[2] != long {
			t.Errorf("%s: %d files, %.50q", rule, len(files), files)
		}
	}
}

func TestContentThatIsNoBase64IsRefused(t *testing.T) {
	t.Parallel()
	for _, content := range []string{"a", "aGVsbG8", "aGVs*G8=", "aGVsbG8=aGVsbG8=", "aGVsbG9=", `aGVs\nbG8=`} {
		text := `{"content_base64":"` + content + `"}`
		for _, r := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text))} {
			if _, _, err := divert(r); errs.KindOf(err) != errs.Invalid {
				t.Errorf("%q: %v", content, err)
			}
		}
	}
	if _, _, err := divert(strings.NewReader(`{"content_base64":"aGVs`)); errs.KindOf(err) != errs.Invalid {
		t.Errorf("cut off: %v", err)
	}
}

// FuzzDivert compares with a decoder that holds everything: a document without files
// comes out as it is, and one with files stays JSON and loses nothing.
func FuzzDivert(f *testing.F) {
	for _, seed := range []string{`{"content_base64":"aGVsbG8="}`, `[{"content_base64":""},{"x":"\\\"content_base64\":"}]`, `{"content_base64":{"content_base64":"QQ=="}}`,
		`"content_base64"`, `{"content_base64":"\/\/\/\/"}`, `{`, `{"a":"b","content_base64":1}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		out, files, err := divert(iotest.HalfReader(strings.NewReader(text)))
		again, same, err2 := divert(strings.NewReader(text))
		if (err == nil) != (err2 == nil) || err == nil && (out != again || len(files) != len(same)) {
			t.Fatalf("how it is read matters: %v and %v", err, err2)
		}
		if err != nil {
			if _, ok := errs.Find(err); !ok {
				t.Fatalf("error without a class: %v", err)
			}
			return
		}
		if !strings.Contains(text, contentKey) && out != text {
			t.Fatalf("%q became %q", text, out)
		}
		if valid := jsontext.Value(text).IsValid(); valid != jsontext.Value(out).IsValid() && valid {
			t.Fatalf("valid: %q became %q", text, out)
		}
		var whole map[string]any
		if json.Unmarshal([]byte(text), &whole) != nil || len(whole) != 1 || len(files) != 1 {
			return
		}
		if content, ok := whole[contentKey].(string); ok {
			plain, err := base64.StdEncoding.DecodeString(content)
			if err != nil || string(plain) != files[0] {
				t.Fatalf("%q: %q, want %q (%v)", text, files[0], plain, err)
			}
		}
	})
}
