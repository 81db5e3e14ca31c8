package source

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"

	"millwright/internal/meta"
)

// ownerOf fails with errs.NotFound unless the caller is in the team, the
// organisation and the datasource's team that c names, and fills in a missing
// organisation.
func ownerOf(ctx context.Context, q meta.Querier, teams []string, c *Credential) error {
	if c.TeamID != "" && !slices.Contains(teams, c.TeamID) {
		return noSuch("team").At("/team_id")
	}
	if c.DatasourceID == "" {
		if err := meta.MayReachOut(ctx); err != nil {
			return err
		}
	}
	from := c.TeamID
	if c.DatasourceID != "" {
		d, err := get(ctx, q, teams, c.DatasourceID, false)
		if err != nil {
			return noSuch("datasource").At("/datasource_id").Because(err)
		}
		if from == "" {
			if err := q.QueryRowContext(ctx, `SELECT team_id FROM projects WHERE id = ?`, d.ProjectID).Scan(&from); err != nil {
				return err
			}
		}
	}
	if from == "" && len(teams) > 0 {
		from = teams[0]
	}
	if c.OrganizationID == "" {
		err := q.QueryRowContext(ctx, `SELECT organization_id FROM teams WHERE id = ?`, from).Scan(&c.OrganizationID)
		if errors.Is(err, sql.ErrNoRows) {
			return noSuch("team").At("/team_id")
		}
		return err
	}
	list, args := meta.In(teams)
	var n int
	err := q.QueryRowContext(ctx, `SELECT count(*) FROM teams WHERE deleted_at IS NULL AND id IN `+list+` AND organization_id = ?`,
		append(args, c.OrganizationID)...).Scan(&n)
	if err == nil && n == 0 {
		return noSuch("organization").At("/organization_id")
	}
	return err
}

// seen is true of the credentials c of the teams, and of their organisations'
// that belong to no team.
// Within a project there are those of its datasources.
func seen(ctx context.Context, teams []string) (where string, args []any) {
	list, args := meta.In(teams)
	where = `(c.team_id IN ` + list + ` OR c.team_id IS NULL AND c.organization_id IN
		(SELECT organization_id FROM teams WHERE deleted_at IS NULL AND id IN ` + list + `))`
	args = slices.Concat(args, args)
	if meta.Confined(ctx) == "" {
		return where, args
	}
	within, only := meta.Within(ctx, "project_id")
	return where + ` AND c.datasource_id IN (SELECT id FROM datasources WHERE ` + within + `)`, append(args, only...)
}

func credentialOf(ctx context.Context, q meta.Querier, teams []string, id ID) (Credential, error) {
	where, args := seen(ctx, teams)
	c, found, err := meta.One(ctx, q, scanCredential, selectCredential+`WHERE `+where+` AND c.id = ?`, append(args, id)...)
	if err == nil && !found {
		err = noSuch("credential")
	}
	return c, err
}

// credentialFits fails with errs.NotFound unless the id is empty or names a
// credential that the teams see: a foreign one must not be borrowed.
func credentialFits(ctx context.Context, q meta.Querier, teams []string, id ID) error {
	if id == "" {
		return nil
	}
	if _, err := credentialOf(ctx, q, teams, id); err != nil {
		return noSuch("credential").At("/credentials_id").Because(err)
	}
	return nil
}

const selectCredential = `SELECT c.id, c.name, c.type, c.description, c.organization_id, c.team_id, c.datasource_id, c.infrastructure_id,
	c.public_metadata, c.public_config, c.origin, c.created_at, c.updated_at FROM credentials c `

func scanCredential(r meta.Row) (c Credential, err error) {
	var team, datasource sql.NullString
	var metadata, config string
	var created, updated int64
	err = r.Scan(&c.ID, &c.Name, &c.Type, &c.Description, &c.OrganizationID, &team, &datasource, &c.InfrastructureID,
		&metadata, &config, &c.Origin, &created, &updated)
	c.TeamID, c.DatasourceID = team.String, datasource.String
	c.Metadata, c.Config = json.RawMessage(metadata), json.RawMessage(config)
	c.CreatedAt, c.UpdatedAt = meta.Time(created), meta.Time(updated)
	return c, err
}
