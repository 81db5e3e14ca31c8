package source

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"

	"millwright/internal/errs"
	"millwright/internal/httpsource"
	"millwright/internal/meta"
	"millwright/internal/secret"
)

// SaveSpec makes spec the request of the datasource, in place of an earlier one,
// of which nothing is kept. It fails with errs.Invalid if "REDACTED" stands in
// place of a secret, and with errs.NotFound if there is no such datasource.
func (s *Store) SaveSpec(ctx context.Context, datasourceID ID, spec httpsource.Spec) error {
	return s.SaveSpecTx(ctx, s.DB.Write(), datasourceID, spec)
}

// SaveSpecTx is SaveSpec within the caller's transaction.
func (s *Store) SaveSpecTx(ctx context.Context, tx meta.Querier, datasourceID ID, spec httpsource.Spec) (err error) {
	defer errs.Wrap(&err, "source.SaveSpec(%s)", datasourceID)
	if err := RefusePlaceholders(spec); err != nil {
		return err
	}
	place, err := specPlace(ctx, tx, datasourceID)
	if err != nil {
		return err
	}
	plain, err := spec.Sealed()
	if err != nil {
		return err
	}
	sealed, err := s.Vault.Seal(plain, place)
	if err != nil {
		return err
	}
	now := meta.Micros(s.now())
	_, err = tx.ExecContext(ctx, `INSERT INTO connect_specs (datasource_id, origin, public, sealed, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (datasource_id) DO UPDATE SET origin = excluded.origin, public = excluded.public, sealed = excluded.sealed,
		updated_at = excluded.updated_at`, datasourceID, spec.Origin(), string(spec.Public()), sealed, now, now)
	return err
}

// Spec returns the request of the datasource with its secrets: for sending it.
// It fails with errs.NotFound if there is none.
func (s *Store) Spec(ctx context.Context, datasourceID ID) (_ httpsource.Spec, err error) {
	defer errs.Wrap(&err, "source.Spec(%s)", datasourceID)
	return s.openSpec(ctx, s.DB.Read(), datasourceID)
}

// PublicSpec returns the request of the datasource in the guide's form with
// secrets shown as "REDACTED". It fails with errs.NotFound if there is none.
func (s *Store) PublicSpec(ctx context.Context, datasourceID ID) (_ json.RawMessage, err error) {
	defer errs.Wrap(&err, "source.PublicSpec(%s)", datasourceID)
	text, found, err := meta.One(ctx, s.DB.Read(), scanText, `SELECT public FROM connect_specs WHERE datasource_id = ?`, datasourceID)
	if err == nil && !found {
		err = noSpec()
	}
	return json.RawMessage(text), err
}

// EditSpec changes the stored request of the datasource: each top-level field
// that edit holds (in either spelling) replaces the stored one whole, null
// removes it, and all others are kept. If edit leads to another origin, the
// stored fields that can carry a secret (headers, parameters, auth, body and the
// client certificate) are not kept: they were typed in for the old one. It returns the new request.
func (s *Store) EditSpec(ctx context.Context, datasourceID ID, edit json.RawMessage) (spec httpsource.Spec, err error) {
	defer errs.Wrap(&err, "source.EditSpec(%s)", datasourceID)
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		stored, err := s.openSpec(ctx, tx, datasourceID)
		if err != nil {
			return err
		}
		if spec, err = edited(stored, edit); err != nil {
			return err
		}
		return s.SaveSpecTx(ctx, tx, datasourceID, spec)
	})
	if err != nil {
		return httpsource.Spec{}, err
	}
	return spec, nil
}

// harmless are the fields of a request that name no secret, spelled plainly.
func harmless(field string) bool {
	return isKey(field, "method", "responsepathextractor", "options")
}

// withoutIdentity returns options without the client certificate, which was given
// for the old origin; any other value as it is.
func withoutIdentity(value json.RawMessage) json.RawMessage {
	var options map[string]json.RawMessage
	if json.Unmarshal(value, &options) != nil {
		return value
	}
	if _, ok := options["tls"]; !ok {
		return value
	}
	delete(options, "tls")
	out, err := json.Marshal(options)
	if err != nil {
		return json.RawMessage("{}")
	}
	return out
}

func edited(stored httpsource.Spec, edit json.RawMessage) (httpsource.Spec, error) {
	var changes map[string]json.RawMessage
	if err := json.Unmarshal(edit, &changes); err != nil || changes == nil {
		return httpsource.Spec{}, errs.New(errs.Invalid, "the change of the request is not a JSON object").At("")
	}
	sealed, err := stored.Sealed()
	if err != nil {
		return httpsource.Spec{}, err
	}
	var old map[string]json.RawMessage
	if err := json.Unmarshal(sealed, &old); err != nil {
		return httpsource.Spec{}, errs.New(errs.Internal, "the stored request is not JSON")
	}
	given := func(field string) bool {
		for name := range changes {
			plain := strings.ToLower(strings.ReplaceAll(name, "_", ""))
			if isKey(field, plain) || plain == "authconfig" && isKey(field, "auth") {
				return true
			}
		}
		return false
	}
	next := map[string]json.RawMessage{}
	for name, value := range changes {
		if string(value) != "null" {
			next[name] = value
		}
	}
	if !given("url") {
		next["url"] = old["url"]
	}
	target, err := originOf(next["url"])
	if err != nil {
		return httpsource.Spec{}, err
	}
	for name, value := range old {
		if given(name) {
			continue
		}
		if target == stored.Origin() {
			next[name] = value
		} else if harmless(name) {
			next[name] = withoutIdentity(value)
		}
	}
	whole, err := json.Marshal(next)
	if err != nil {
		return httpsource.Spec{}, errs.New(errs.Invalid, "the change of the request is not JSON").Because(err)
	}
	spec, err := httpsource.ParseSpec(whole)
	if err == nil && spec.Origin() != target {
		// {"url": ours, "Url": theirs}: whichever of the two won, it is not what was checked.
		err = errs.New(errs.Invalid, "the request names its URL twice").Named("field-twice").At("/url").Fix("send it once")
	}
	return spec, err
}

// originOf returns the origin of a URL in JSON.
func originOf(address json.RawMessage) (string, error) {
	request, err := json.Marshal(map[string]json.RawMessage{"url": address, "method": json.RawMessage(`"GET"`)})
	if err != nil {
		return "", errs.New(errs.Invalid, "the URL is not JSON").At("/url").Because(err)
	}
	spec, err := httpsource.ParseSpec(request)
	return spec.Origin(), err
}

func noSpec() error {
	return errs.New(errs.NotFound, "this datasource has no stored request").Fix("run it once with its full request")
}

func specPlace(ctx context.Context, q meta.Querier, datasourceID ID) (string, error) {
	project, found, err := meta.One(ctx, q, scanText, `SELECT project_id FROM datasources WHERE id = ?`, datasourceID)
	if err == nil && !found {
		err = noSuch("datasource")
	}
	return project + "|" + datasourceID + "|connect_spec", err
}

func (s *Store) openSpec(ctx context.Context, q meta.Querier, datasourceID ID) (httpsource.Spec, error) {
	place, err := specPlace(ctx, q, datasourceID)
	if err != nil {
		return httpsource.Spec{}, err
	}
	sealed, found, err := meta.One(ctx, q, func(r meta.Row) (b []byte, err error) { return b, r.Scan(&b) },
		`SELECT sealed FROM connect_specs WHERE datasource_id = ?`, datasourceID)
	if err != nil {
		return httpsource.Spec{}, err
	}
	if !found {
		return httpsource.Spec{}, noSpec()
	}
	plain, err := s.Vault.Open(sealed, place)
	if err != nil {
		return httpsource.Spec{}, err
	}
	return httpsource.ParseSealed(plain)
}

// RefusePlaceholders fails with errs.Invalid, and points at the field, if
// "REDACTED" stands in place of a secret of the request: a client sent back what
// it had read. It is never taken for the stored secret.
func RefusePlaceholders(spec httpsource.Spec) error {
	var leaves []leaf
	spec.Fields(func(pointer, name string, v secret.String) {
		if secret.LooksSecret(name) {
			leaves = append(leaves, leaf{pointer: pointer, text: v.Reveal()})
		}
	})
	maskURL(spec.URL.Reveal(), secret.LooksSecret, func(_, value string) {
		leaves = append(leaves, leaf{pointer: "/url", text: value})
	})
	if err := refusePlaceholder(leaves); err != nil {
		return err
	}
	// What is left of the request's secrets stands in a raw body, its own or its login's.
	for _, v := range spec.Secrets() {
		if strings.Contains(v.Reveal(), secret.Hidden) {
			if !strings.Contains(spec.Body.Content.Reveal(), secret.Hidden) {
				return placeholderAt("/auth")
			}
			return placeholderAt("/body/content")
		}
	}
	return nil
}
