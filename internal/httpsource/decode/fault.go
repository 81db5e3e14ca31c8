package decode

import (
	"errors"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"millwright/internal/errs"
)

// explain names an error of the tokenizer, with the place where it is.
func explain(err error) error {
	if _, ok := errs.Find(err); ok {
		return err // from a reader below, which named it
	}
	var syntax *jsontext.SyntacticError
	if !errors.As(err, &syntax) {
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			return truncated(-1)
		}
		return errs.New(errs.Upstream, "the body cannot be read").Named("body-unreadable").Because(err)
	}
	at, where := syntax.ByteOffset, ""
	if p := string(syntax.JSONPointer); p != "" {
		where = " (" + clip(p) + ")"
	}
	text := syntax.Err.Error()
	fault := func(typ, what string, fixes ...string) error {
		return errs.New(errs.Upstream, "the body is not valid JSON: %s at byte %d%s", what, at, where).Named(typ).Fix(fixes...)
	}
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return truncated(at)
	case errors.Is(err, jsontext.ErrDuplicateName):
		return fault("json-duplicate-key", "an object has the same key twice", "report it to the source: one of the two values would be lost")
	case strings.Contains(text, "UTF-8"):
		return fault("json-invalid-utf8", "a byte that is not UTF-8", "ask the source which charset it sends and whether it can declare it")
	case strings.Contains(text, "surrogate"):
		return fault("json-lone-surrogate", "half of a UTF-16 pair", "report it to the source: the text cannot be stored exactly")
	case strings.Contains(text, "depth"):
		return fault("json-too-deep", "nesting without end", "check that the address returns data")
	}
	return fault("json-invalid", clip(text), "check that the address returns JSON", "try again; if it stays so, report it to the source")
}

func truncated(at int64) error {
	e := errs.New(errs.Upstream, "the body ends in the middle of a JSON value").Named("body-truncated").
		Fix("try again; if it stays so, the source or a proxy before it cuts its answers")
	if at >= 0 {
		e.Msg = errs.New(errs.Upstream, "%s (byte %d)", e.Msg, at).Msg
	}
	return e
}

func tooDeep(limit int) error {
	return errs.New(errs.TooLarge, "a value is nested more than %d deep", limit).Named("json-too-deep").
		Fix("select a part of the answer with a response path")
}

func tooManyKeys(limit int) error {
	return tooLarge("too-many-keys", "keys", "an object has more than %d keys", limit)
}
