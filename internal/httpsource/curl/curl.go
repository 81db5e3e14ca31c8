// Package curl turns a pasted curl command into a request.
//
// The command is read the way a shell and curl would read it, and nothing is
// run: no variable is expanded, no file is opened, no substitution is made. What
// cannot be taken over is an error or a [Note], never dropped in silence. Neither
// holds a value of the command, because any of them can be a secret.
package curl

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"millwright/internal/errs"
	"millwright/internal/httpsource"
)

// maxCommand is the length of the longest command. Browsers copy large bodies.
const maxCommand = 1 << 20

// maxWords bounds the words of a command.
const maxWords = 5000

// maxNotes bounds the notes: more than that nobody reads.
const maxNotes = 50

// A NoteKind says what a person should make of a note.
type NoteKind string

// The kinds of note.
const (
	Ignored NoteKind = "ignored" // it has no meaning here
	Changed NoteKind = "changed" // it is sent in another way than curl would
	Missing NoteKind = "missing" // a value has to be filled in before the request works
)

// A Note says what was not taken over as it stands.
type Note struct {
	Kind NoteKind
	Text string // for a person; without values of the command
}

// Parse reads one curl command in the quoting of a POSIX shell or of the Windows
// command prompt. The request has passed [httpsource.ParseSpec], except that
// values may be placeholders: then a note of kind [Missing] names them. Errors
// are errs.Invalid and point at /command.
func Parse(command string) (httpsource.Spec, []Note, error) {
	switch {
	case len(command) > maxCommand:
		return httpsource.Spec{}, nil, wrong("curl-too-long", "the command is longer than 1 MiB").Fix("shorten its body")
	case !utf8.ValidString(command):
		return httpsource.Spec{}, nil, wrong("curl-not-text", "the command is not valid UTF-8").Fix("paste it as text")
	}
	p := &parser{}
	words, err := p.split(command)
	if err != nil {
		return httpsource.Spec{}, nil, err
	}
	for _, w := range words {
		if !utf8.ValidString(w.text) {
			return httpsource.Spec{}, nil, wrong("curl-not-text", "the word at character %d is not valid UTF-8 once its escapes are read", w.at+1).Fix("send text")
		}
	}
	if words, err = p.program(words); err != nil {
		return httpsource.Spec{}, nil, err
	}
	if err := p.arguments(words); err != nil {
		return httpsource.Spec{}, nil, err
	}
	spec, err := p.spec()
	if err != nil {
		return httpsource.Spec{}, nil, err
	}
	return spec, p.notes, nil
}

// A parser collects what the options of one command say.
type parser struct {
	notes   []Note
	request request
}

// note adds a note once, up to maxNotes.
func (p *parser) note(kind NoteKind, format string, args ...any) {
	if len(p.notes) >= maxNotes {
		return
	}
	n := Note{kind, fmt.Sprintf(format, args...)}
	for _, old := range p.notes {
		if old == n {
			return
		}
	}
	p.notes = append(p.notes, n)
}

// program checks that the first word is curl and returns the words after it. A
// prompt and assignments before it are left out.
func (p *parser) program(words []word) ([]word, error) {
	for len(words) > 0 && (words[0].text == "$" || words[0].text == "%" || words[0].text == "#" || assignment(words[0])) {
		words = words[1:]
	}
	if len(words) == 0 {
		return nil, wrong("curl-empty", "there is no command").Fix("paste a whole command that begins with curl")
	}
	name := words[0].text
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	if name = strings.ToLower(name); name != "curl" && name != "curl.exe" {
		return nil, wrong("curl-not-a-command", "the first word is not curl").Fix("paste a whole command that begins with curl")
	}
	return words[1:], nil
}

func assignment(w word) bool {
	name, _, ok := strings.Cut(w.text, "=")
	return ok && name != "" && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") == ""
}

func wrong(typ, format string, args ...any) *errs.Error {
	return errs.New(errs.Invalid, format, args...).Named(typ).At("/command")
}
