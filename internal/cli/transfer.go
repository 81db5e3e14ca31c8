package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

func (c *commands) exportCommand() *cobra.Command {
	var project, to string
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write a project into one file, without secrets",
		Long: `Writes a project into one JSON file: its datasources, the rows of its datasets, its
questions. It holds no secret: credentials are named only, and requests are written as
people see them. 'millwright import' makes a project of it, here or on another server.`,
		Example: `  millwright export --file shop.json
  millwright export --project Shop --file - | gzip > shop.json.gz`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withSession(cmd.Context(), nil, func(ctx context.Context, s *session) error {
				if err := s.useProject(ctx, project); err != nil {
					return err
				}
				return c.export(ctx, s, to)
			})
		},
	}
	cmd.Flags().StringVar(&project, "project", "", "`project`, by name or id; by default the oldest")
	cmd.Flags().StringVarP(&to, "file", "f", "project.json", "`file` to write, which must not exist yet; - for standard output")
	return cmd
}

// export writes the file aside, so that one that is cut off is never taken for whole.
func (c *commands) export(ctx context.Context, s *session, to string) (err error) {
	resp, err := s.do(ctx, "GET", "/v1/projects/"+url.PathEscape(s.project)+"/export", nil, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if to == "-" {
		_, err := io.Copy(c.env.Stdout, resp.Body)
		return err
	}
	if _, err := os.Lstat(to); err == nil {
		return usage("%q exists already", to).Fix("name another file with --file")
	}
	f, err := os.CreateTemp(filepath.Dir(to), ".export-*")
	if err != nil {
		return usage("the file cannot be written: %v", err)
	}
	defer os.Remove(f.Name()) // gone already once it has its name
	n, err := io.Copy(f, resp.Body)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), to); err != nil {
		return err
	}
	c.say("%s: %s", to, bytesText(n))
	return nil
}

func (c *commands) importCommand() *cobra.Command {
	var conflict, suffix string
	var check bool
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Make a project of a file that was exported",
		Long: `Makes a project of a file that 'millwright export' wrote. Its datasets and questions are
there as they were; nothing of it is published, and requests that need secrets have to
be connected again.`,
		Example: `  millwright import shop.json
  millwright import shop.json --check
  millwright import shop.json --on-conflict overwrite`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, names []string) error {
			return c.withSession(cmd.Context(), nil, func(ctx context.Context, s *session) error {
				query := url.Values{"conflict_strategy": {conflict}, "rename_suffix": {suffix}}
				return c.importFile(ctx, s, names[0], query, check)
			})
		},
	}
	cmd.Flags().StringVar(&conflict, "on-conflict", "rename", "`what` to do if there is a project of that name: rename the imported one, overwrite, or skip")
	cmd.Flags().StringVar(&suffix, "suffix", "", "`text` behind the name of one that is renamed; by default ' (imported)'")
	cmd.Flags().BoolVar(&check, "check", false, "only say whether the file could be imported")
	return c.outputFlag(cmd)
}

func (c *commands) importFile(ctx context.Context, s *session, path string, query url.Values, check bool) error {
	f, err := os.Open(path)
	if err != nil {
		return usage("the file cannot be read: %v", errors.Unwrap(err))
	}
	defer f.Close()
	target := "/v1/projects/import"
	if check {
		target = "/v1/projects/validate-import"
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+target+"?"+query.Encode(), f)
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := s.send(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var said struct {
		Valid       *bool    `json:"valid"`
		Message     string   `json:"message"`
		ProjectID   string   `json:"project_id"`
		ProjectName string   `json:"project_name"`
		Errors      []string `json:"errors"`
		Warnings    []string `json:"warnings"`
		Counts      struct {
			Datasources int64 `json:"datasources"`
			Datalines   int64 `json:"datalines"`
			Programs    int64 `json:"queryprograms"`
		} `json:"counts"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&said); err != nil {
		return fmt.Errorf("the answer to an import is not what we expect: %w", err)
	}
	for _, w := range said.Warnings {
		c.say("    %s", printable(w))
	}
	if said.Valid != nil && !*said.Valid {
		return usage("the file cannot be imported: %s", printable(fmt.Sprint(said.Errors)))
	}
	g := grid{Columns: []string{"project", "datasources", "datasets", "questions", "id"}, Numeric: map[int]bool{1: true, 2: true, 3: true}, Brief: 4, Typed: 1,
		Rows: [][]any{{said.ProjectName, said.Counts.Datasources, said.Counts.Datalines, said.Counts.Programs, said.ProjectID}}}
	return c.print(g)
}
