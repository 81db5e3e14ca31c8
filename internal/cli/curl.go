package cli

import (
	"context"
	"encoding/json"
	"io"
	"os"

	"github.com/spf13/cobra"
)

// pasted returns the curl command that --curl or --curl-file names, or "" if
// neither was given. What describes the request by other means is refused next
// to it.
func (c *commands) pasted(cmd *cobra.Command, conn connection, list []string) (string, error) {
	flags := cmd.Flags()
	if !flags.Changed("curl") && !flags.Changed("curl-file") {
		return "", args(cobra.ExactArgs(1))(cmd, list)
	}
	if len(list) > 0 {
		return "", usage("the URL stands in the curl command; a second one has no place").Fix("quote the whole curl command, or leave the URL out")
	}
	for _, name := range []string{"request", "header", "param", "auth", "data-raw"} {
		if flags.Changed(name) {
			return "", usage("--%s cannot be combined with a curl command", name).Fix("write it into the curl command")
		}
	}
	switch {
	case flags.Changed("curl") && flags.Changed("curl-file"):
		return "", usage("--curl and --curl-file name two commands").Fix("give one of them")
	case conn.curl != "-" && !flags.Changed("curl-file"):
		return conn.curl, present(conn.curl)
	}
	var text []byte
	var err error
	if conn.curl == "-" || conn.curlFile == "-" {
		text, err = io.ReadAll(io.LimitReader(c.env.Stdin, 2<<20))
	} else {
		text, err = os.ReadFile(conn.curlFile)
	}
	if err != nil {
		return "", usage("the curl command cannot be read: %v", err).Because(err)
	}
	return string(text), present(string(text))
}

func present(command string) error {
	if command == "" {
		return usage("the curl command is empty").Fix("--curl-file PATH", "--curl - and paste it")
	}
	return nil
}

// read lets the server read a curl command as a request.
func (c *commands) read(ctx context.Context, s *session, command string, conn connection) (request, error) {
	var said struct {
		Spec  json.RawMessage `json:"spec"`
		Notes []struct {
			Kind string `json:"kind"`
			Text string `json:"text"`
		} `json:"notes"`
	}
	r := request{}
	if err := s.call(ctx, "POST", "/v1/http/from-curl", nil, map[string]string{"command": command}, &said); err != nil {
		return r, err
	}
	for _, n := range said.Notes {
		if n.Kind == "missing" {
			return r, usage("%s", printable(n.Text))
		}
		c.say("curl: %s", printable(n.Text))
	}
	if err := json.Unmarshal(said.Spec, &r); err != nil {
		return r, err
	}
	if r.Path = conn.path; r.AuthType != "None" && conn.curlFile == "" && conn.curl != "-" {
		c.say("The command holds credentials, which ps and the shell's history show. Next time: --curl-file PATH, or --curl - to paste it.")
	}
	return r, nil
}
