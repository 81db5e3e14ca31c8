package api

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"millwright/internal/errs"
	"millwright/internal/evaluate"
	"millwright/internal/program"
	"millwright/internal/publish"
)

// liveControls are the parameters of a call beside the slots.
type liveControls struct {
	format evaluate.Format // "" for JSON
	limit  int64
	after  string
	asOf   map[string]int64
	count  bool
	safe   bool
}

// maxPage is how many rows a page may have.
const maxPage = 100_000

// read takes the slot values and the other parameters from the query, and from the
// body, if there is one.
func (c *liveCall) read(query url.Values, body *liveFields) error {
	c.values = map[string]any{}
	if body != nil {
		if err := c.readBody(body); err != nil {
			return err
		}
	}
	slots := map[string]bool{}
	for _, s := range c.endpoint.Program.Slots {
		slots[s.Name] = true
	}
	for name, list := range query {
		control := strings.TrimPrefix(name, "_")
		switch {
		case slots[name]:
			c.values[name] = untyped(list)
		case slices.Contains(publish.Controls(), control) && (control != name || !slots[control]):
			if err := c.control(control, name, list); err != nil {
				return err
			}
		default:
			return unknownParameter(name, c.endpoint, name)
		}
	}
	return nil
}

// untyped returns the value that a query gives a slot.
func untyped(list []string) any {
	if len(list) == 1 {
		return program.Untyped(list[0])
	}
	all := make([]any, len(list))
	for i, v := range list {
		all[i] = program.Untyped(v)
	}
	return all
}

// readBody takes values from the object slots, or beside it, as chats send them.
func (c *liveCall) readBody(body *liveFields) error {
	c.stream = body.Stream
	for name, value := range body.Slots {
		c.values[name] = value
	}
	for name, value := range body.beside {
		isSlot := slices.ContainsFunc(c.endpoint.Program.Slots, func(s program.Slot) bool { return s.Name == name })
		switch {
		case isSlot:
			c.values[name] = value
		case name == "slots" || name == "stream":
		case slices.Contains(chatFields, name):
			c.stream = c.stream || name == "conversation_id" || name == "message_id"
		default:
			return unknownParameter(name, c.endpoint, "/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(name))
		}
	}
	return nil
}

// control reads a parameter that is no slot, under the name it was sent by.
func (c *liveCall) control(control, name string, list []string) (err error) {
	if len(list) > 1 {
		return errs.New(errs.Invalid, "the parameter %s is there %d times", name, len(list)).Named("parameter-invalid").At(name).Fix("send it once")
	}
	value := list[0]
	to := &c.controls
	switch control {
	case publish.ControlFormat:
		if value != "json" && value != "" {
			to.format, err = evaluate.ParseFormat(value)
		}
	case publish.ControlLimit:
		if to.limit, err = strconv.ParseInt(value, 10, 64); err != nil || to.limit < 1 || to.limit > maxPage {
			return errs.New(errs.Invalid, "a page cannot have so many rows").Named("parameter-invalid").At(name).Fix("send a number from 1 to 100000")
		}
	case publish.ControlAfter:
		to.after = value
	case publish.ControlAsOf:
		to.asOf, err = c.endpoint.ParseAsOf(value)
	case publish.ControlCount:
		to.count, err = yes(name, value)
	case publish.ControlFormulas:
		to.safe, err = yes(name, value)
	}
	return err
}

func yes(name, value string) (bool, error) {
	switch value {
	case "true", "1", "":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return false, errs.New(errs.Invalid, "the parameter %s is neither true nor false", name).Named("parameter-invalid").At(name).Fix("send true or false")
}

// unknownParameter says of a name that it is no parameter of the endpoint.
func unknownParameter(name string, e publish.Endpoint, at string) error {
	names := []string{}
	for _, s := range e.Program.Slots {
		names = append(names, s.Name)
	}
	for _, control := range publish.Controls() {
		names = append(names, e.Control(control))
	}
	err := errs.New(errs.Invalid, "this endpoint has no parameter %q", shortened(name)).Named("parameter-unknown").At(at)
	if near, ok := program.Nearest(name, names); ok {
		return err.Fix("did you mean " + near + "?")
	}
	return err.Fix("use one of: " + strings.Join(names, ", "))
}

func shortened(name string) string {
	if len(name) > 80 {
		return strings.ToValidUTF8(name[:80], "") + "…"
	}
	return name
}
