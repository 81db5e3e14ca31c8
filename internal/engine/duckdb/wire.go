package duckdb

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"millwright/internal/engine"
	"millwright/internal/errs"
	"millwright/internal/table"
)

// Parent and child speak in frames: one byte of kind, four of length, a body.
// The parent sends requests; the child answers each with any number of schema
// and arrow frames, and one end frame.
const (
	frameRequest = 'q' // JSON request, to the child
	frameHello   = 'h' // JSON Report, once, when the child is ready
	frameSchema  = 's' // JSON table.Schema
	frameArrow   = 'a' // a piece of an Arrow IPC stream
	frameEnd     = 'e' // JSON ending
)

// maxFrame bounds what one side makes the other allocate.
const maxFrame = 64 << 20

// maxArrowFrame is how much of an IPC stream goes into a frame.
const maxArrowFrame = 1 << 20

type operation string

const (
	opBind     operation = "bind"
	opRun      operation = "run"
	opDescribe operation = "describe"
	opExplain  operation = "explain"
	opExport   operation = "export"
	opConvert  operation = "convert"
	opRewrite  operation = "rewrite"
)

// A request asks the child for one thing. Only the field of its operation is set.
type request struct {
	Op      operation
	Bind    *binding           `json:",omitempty"`
	Query   *statement         `json:",omitempty"`
	Convert *engine.Conversion `json:",omitempty"`
	Rewrite *engine.Rewriting  `json:",omitempty"`
}

// A binding confines a child for the rest of its life.
type binding struct {
	ReadDirs  []string // folders it may read
	ReadFiles []string // files it may read
	WriteDirs []string // folders it may write
	Spill     string   // its private folder, also writable
	Memory    int64    // bytes it may map beyond what it has
	Plan      int64    // bytes of memory that DuckDB may plan with, which is a part of them; 0 means Memory
	Hold      int64    // bytes of memory that it may hold, which its parent watches; 0 means Memory
	FileSize  int64    // bytes of any one file it writes
	MaxSpill  int64    // bytes of all spill files
	Threads   int
	ByBytes   bool // row groups are cut by bytes, not rows: for long records; takes one thread to keep their order
	CPU       int  // seconds of processor time for all its work; a backstop for a lost parent
}

// A statement is a checked query on its way to the child.
type statement struct {
	Tables   []engine.Table
	SQL      string // without a trailing semicolon
	Args     []argument
	MaxRows  int64
	MaxBytes int64
	Output   string // export: where to write
}

type argument struct {
	Name  string
	Value value
}

// A value keeps the Go type of an argument, which JSON would lose.
type value struct {
	Kind string  // null, bool, int, float, text, list
	Text string  `json:",omitempty"`
	List []value `json:",omitempty"`
}

// An ending is the last frame of an answer.
type ending struct {
	Fault     *fault         `json:",omitempty"`
	Rows      int64          `json:",omitempty"`
	Bytes     int64          `json:",omitempty"`
	Truncated bool           `json:",omitempty"`
	Text      string         `json:",omitempty"`
	Columns   []table.Column `json:",omitempty"`
	Stats     engine.Stats   `json:",omitempty"`
	Retire    bool           `json:",omitempty"` // the child is in doubt and must not serve again
}

// A fault is an errs.Error on the wire.
type fault struct {
	Kind  errs.Kind
	Type  string
	Msg   string
	Fixes []string `json:",omitempty"`
	Cause string   `json:",omitempty"`
}

func (f *fault) err() error {
	e := errs.New(f.Kind, "%s", f.Msg).Named(f.Type).Fix(f.Fixes...)
	if f.Cause != "" {
		e = e.Because(fmt.Errorf("%s", f.Cause))
	}
	return e
}

func writeFrame(w io.Writer, kind byte, body []byte) error {
	head := make([]byte, 5, 5+len(body))
	head[0] = kind
	binary.LittleEndian.PutUint32(head[1:], uint32(len(body)))
	_, err := w.Write(append(head, body...))
	return err
}

func writeJSON(w io.Writer, kind byte, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(body) > maxFrame {
		return fmt.Errorf("a message of %d bytes is too long for a frame", len(body))
	}
	return writeFrame(w, kind, body)
}

func readFrame(r *bufio.Reader) (kind byte, body []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.LittleEndian.Uint32(head[1:])
	if n > maxFrame {
		return 0, nil, fmt.Errorf("a frame of %d bytes is too long", n)
	}
	body = make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return 0, nil, fmt.Errorf("a frame was cut: %w", err)
	}
	return head[0], body, nil
}

// encodeValue fails with errs.Invalid for a Go type that engine.Query does not list.
func encodeValue(name string, v any) (value, error) {
	switch v := v.(type) {
	case nil:
		return value{Kind: "null"}, nil
	case bool:
		return value{Kind: "bool", Text: strconv.FormatBool(v)}, nil
	case int64:
		return value{Kind: "int", Text: strconv.FormatInt(v, 10)}, nil
	case int:
		return value{Kind: "int", Text: strconv.Itoa(v)}, nil
	case float64:
		return value{Kind: "float", Text: strconv.FormatFloat(v, 'g', -1, 64)}, nil
	case string:
		return value{Kind: "text", Text: v}, nil
	case []any:
		list := value{Kind: "list", List: make([]value, 0, len(v))}
		for _, item := range v {
			if _, nested := item.([]any); nested {
				return value{}, errs.New(errs.Invalid, "the value of parameter $%s is a list inside a list", name).Named("sql-parameter")
			}
			one, err := encodeValue(name, item)
			if err != nil {
				return value{}, err
			}
			list.List = append(list.List, one)
		}
		return list, nil
	}
	return value{}, errs.New(errs.Invalid, "the value of parameter $%s has a type (%T) that SQL cannot take", name, v).
		Named("sql-parameter").Fix("use null, true or false, a number, a string, or a list of these")
}
