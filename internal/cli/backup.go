package cli

import (
	"context"
	"path/filepath"

	"github.com/spf13/cobra"

	"millwright/internal/app"
	"millwright/internal/secret"
)

func (c *commands) backupCommand() *cobra.Command {
	var key, asJSON bool
	cmd := &cobra.Command{
		Use:   "backup FOLDER",
		Short: "Copy a data folder, as it is at one moment, while the server serves",
		Long: `Copies a data folder, as it is at one moment, to a folder that must not exist yet
or be empty. The server may go on serving and running. Every file is checked
against the hash that it was stored with; SHA256SUMS is written last, so what is
left of a backup that was cut off is never taken for one.

The key that opens stored secrets is NOT included, unless --with-key is given:
who has a backup with the key has the passwords and tokens of every connection.
Without it, keep a copy of ` + secret.KeyFile + ` in another safe place.`,
		Example: `  millwright backup /mnt/backup/millwright-monday
  millwright backup --data /var/lib/millwright /mnt/backup/monday
  cp millwright-data/` + secret.KeyFile + ` /somewhere/else/`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, folders []string) error {
			config, err := c.folder()
			if err != nil {
				return err
			}
			return c.backup(cmd.Context(), config, folders[0], key, asJSON)
		},
	}
	cmd.Flags().BoolVar(&key, "with-key", false, "include the key that opens every stored secret")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was made as JSON")
	return cmd
}

func (c *commands) backup(ctx context.Context, config app.Config, dest string, key, asJSON bool) error {
	progress, end := c.watch("backup")
	made, err := app.Backup(ctx, config, dest, key, progress)
	end(err)
	if err != nil {
		return err
	}
	switch {
	case key:
		c.say("WARNING: this backup holds the key for secrets. Who can read it can use the %s of every connection.", plural(int64(made.Secrets), "stored secret"))
	case made.Secrets > 0:
		c.say("This backup does NOT hold the key for its %s. Keep a copy of %s elsewhere:\nwithout it, no stored secret can be opened after a restore.",
			plural(int64(made.Secrets), "stored secret"), filepath.Join(config.Data, secret.KeyFile))
	}
	if asJSON {
		return writeJSON(c.env.Stdout, made)
	}
	c.say("%s, %s, as of %s. To check it: (cd %s && sha256sum -c --quiet SHA256SUMS)", plural(int64(made.Objects), "stored file"), bytesText(made.Bytes),
		made.MadeAt.Format("2006-01-02 15:04:05 MST"), dest)
	return nil
}
