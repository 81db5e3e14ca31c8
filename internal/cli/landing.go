package cli

import (
	"encoding/json"
	"strings"

	"github.com/spf13/cobra"
)

// A landingChoice is how a person wants the records of runs to land.
type landingChoice struct {
	mode      string
	key       []string
	cursor    string // FIELD=PARAM
	start     string
	lookback  string
	exclusive bool
}

// flags adds the flags that describe it to a command.
func (l *landingChoice) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&l.mode, "mode", "", "what becomes of the rows that are there: `mode` replace (by default), append, or merge, where a newer row with the same --key takes the place of the older one")
	flags.StringSliceVar(&l.key, "key", nil, "`field` that names a row, for merge; repeatable, or parted by commas, if only several together do")
	flags.StringVar(&l.cursor, "cursor", "", "ask only for what is new: `FIELD=PARAM` sends the greatest value of FIELD that has landed as the query parameter PARAM (header.NAME, body.PATH)")
	flags.StringVar(&l.start, "cursor-start", "", "`value` that the first run sends")
	flags.StringVar(&l.lookback, "lookback", "", "`how` far before the greatest value to ask, such as 24h, 7d or 100, for records that come late")
	flags.BoolVar(&l.exclusive, "cursor-exclusive", false, "the API leaves out records that have just the value it is sent")
}

// A runSetting is a landingChoice as the server spells it.
type runSetting struct {
	Mode   string         `json:"mode,omitempty"`
	Key    []string       `json:"key,omitempty"`
	Cursor *cursorSetting `json:"cursor,omitempty"`
}

type cursorSetting struct {
	Field     string          `json:"field"`
	Param     string          `json:"param"`
	In        string          `json:"in,omitempty"`
	Start     json.RawMessage `json:"start,omitempty"`
	Lookback  string          `json:"lookback,omitempty"`
	Inclusive *bool           `json:"inclusive,omitempty"`
}

// setting returns the choice; nil if nothing was chosen.
func (l *landingChoice) setting() (*runSetting, error) {
	s := &runSetting{Mode: l.mode, Key: l.key}
	if l.mode == "merge" && len(l.key) == 0 {
		return nil, usage("merge needs to know which fields name a row").Fix("--mode merge --key id")
	}
	if l.mode != "merge" && len(l.key) > 0 {
		return nil, usage("--key names the rows of merge, and the mode is %s", or(l.mode, "replace")).Fix("--mode merge --key " + strings.Join(l.key, ","))
	}
	if l.cursor == "" {
		if l.start != "" || l.lookback != "" || l.exclusive {
			return nil, usage("--cursor-start, --lookback and --cursor-exclusive say more about a cursor, and there is none").Fix("--cursor updated_at=since")
		}
		if l.mode == "" {
			return nil, nil
		}
		return s, nil
	}
	if l.mode == "" || l.mode == "replace" {
		return nil, usage("a run that asks only for what is new must not replace the rest").Fix("--mode append", "--mode merge --key id")
	}
	var err error
	s.Cursor, err = l.place()
	return s, err
}

// place reads FIELD=PARAM, and what else is said of the cursor.
func (l *landingChoice) place() (*cursorSetting, error) {
	field, param, ok := strings.Cut(l.cursor, "=")
	if !ok || field == "" || param == "" {
		return nil, usage("--cursor takes FIELD=PARAM, not %q", l.cursor).Fix("--cursor updated_at=since", "--cursor updated_at=header.X-Since")
	}
	c := &cursorSetting{Field: field, Param: param, Lookback: l.lookback}
	if in, name, ok := strings.Cut(param, "."); ok && (in == "query" || in == "header" || in == "body") {
		c.In, c.Param = in, name
	}
	if l.exclusive {
		c.Inclusive = new(bool)
	}
	if l.start == "" {
		return c, nil
	}
	// A number is sent as a number, which matters in a body; all else is text.
	var number json.Number
	if err := json.Unmarshal([]byte(l.start), &number); err == nil && !strings.HasPrefix(l.start, `"`) {
		c.Start = json.RawMessage(l.start)
		return c, nil
	}
	text, err := encode(strings.Trim(l.start, `"`))
	c.Start = text
	return c, err
}
