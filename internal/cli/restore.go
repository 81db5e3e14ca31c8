package cli

import (
	"context"
	"path/filepath"

	"github.com/spf13/cobra"

	"millwright/internal/app"
	"millwright/internal/secret"
)

func (c *commands) restoreCommand() *cobra.Command {
	var key string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "restore FOLDER --data NEW",
		Short: "Make a new data folder from a backup, after checking every byte of it",
		Long: `Makes a data folder from a backup. The folder must not exist yet or be empty. It
appears only when every byte was checked: a restore that fails leaves nothing.

Runs that were under way when the backup was made begin again when the server
starts, and schedules go on: stop the old server first.`,
		Example: `  millwright restore /mnt/backup/monday --data /var/lib/millwright
  millwright restore /mnt/backup/monday --data new --secrets-key /somewhere/else/secrets.json`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, folders []string) error {
			config, err := c.folder()
			if err != nil {
				return err
			}
			return c.restore(cmd.Context(), config, folders[0], key, asJSON)
		},
	}
	cmd.Flags().StringVar(&key, "secrets-key", "", "`file` with the key for secrets, if the backup was made without it")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was restored as JSON")
	return cmd
}

func (c *commands) restore(ctx context.Context, config app.Config, from, key string, asJSON bool) error {
	progress, end := c.watch("restore")
	made, err := app.Restore(ctx, config, from, key, progress)
	end(err)
	if err != nil {
		return err
	}
	if !made.Key && made.Secrets > 0 {
		c.say("The key for the %s of this folder is missing. Before the server starts, put it back:\n    cp YOUR-COPY %s && chmod 600 %[2]s",
			plural(int64(made.Secrets), "stored secret"), filepath.Join(config.Data, secret.KeyFile))
	}
	if asJSON {
		return writeJSON(c.env.Stdout, made)
	}
	c.say("%s, %s, as of %s. To serve it: millwright serve --data %s", plural(int64(made.Objects), "stored file"), bytesText(made.Bytes),
		made.MadeAt.Format("2006-01-02 15:04:05 MST"), config.Data)
	return nil
}
