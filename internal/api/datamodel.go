package api

import (
	"strings"

	"millwright/internal/dataset"
	"millwright/internal/table"
)

// dataModel describes a dataset the way older clients of the workflow read it.
func dataModel(d dataset.Dataset) map[string]any {
	name := pascal(d.TableName)
	var columns, refs []any
	for _, c := range d.Schema.Columns {
		key := strings.ToUpper(strings.ReplaceAll(c.Name, " ", "_"))
		columns = append(columns, map[string]any{"key": key, "display_name": strings.ReplaceAll(c.Name, "_", " "), "type_t": modelType(c.Type),
			"col_kind_t": "nf:col_kind_t/attribute", "datasource_name": c.Key, "aliases": []any{}, "description": c.Type.String()})
		refs = append(refs, map[string]any{"colt_name": name + "ColumnT", "col_name": key})
	}
	return map[string]any{
		"columnT": map[string]any{"name": name + "ColumnT", "columns": columns},
		"schemaT": map[string]any{"name": name + "SchemaT", "schemas": []any{map[string]any{
			"key": strings.ToUpper(d.TableName), "col_ts": refs, "aliases": []any{}, "load_params": []any{}, "description": d.Name}}},
	}
}

// modelType names a type as older clients do.
func modelType(t table.Type) string {
	switch {
	case t.Kind == table.BigInt:
		return "nf:type/int_64"
	case t.Kind == table.Double || t.Kind == table.Decimal:
		return "nf:type/float_64"
	case t.Kind == table.Boolean:
		return "nf:type/bool"
	case t.IsTemporal():
		return "nf:type/datetime"
	}
	return "nf:type/string"
}

func pascal(snake string) string {
	var b strings.Builder
	for _, word := range strings.Split(snake, "_") {
		if word != "" {
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return b.String()
}
