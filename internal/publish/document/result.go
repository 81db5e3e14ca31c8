package document

import (
	"encoding/json"

	"millwright/internal/publish"
)

// InputSchema returns the JSON Schema of an endpoint's slot values as an object. A
// slot that may be left out may also be null.
func InputSchema(ep publish.Endpoint) json.RawMessage {
	properties, required := object{}, []string{}
	preset := defaults(ep.Program)
	for _, s := range ep.Program.Slots {
		schema := slotSchema(s)
		if s.Required {
			required = append(required, s.Name)
		} else {
			schema = nullable(schema)
		}
		if text := explain(s); text != "" {
			schema = schema.with("description", text)
		}
		if v, ok := preset[s.Name]; ok {
			schema = schema.with("default", v)
		}
		properties = properties.with(s.Name, schema)
	}
	return text(object{{"type", "object"}, {"properties", properties}, {"required", required}, {"additionalProperties", false}})
}

// OutputSchema returns the JSON Schema of an endpoint's JSON answer.
func OutputSchema(ep publish.Endpoint) json.RawMessage {
	columns := resultColumns(ep.Program, ep.Columns)
	return text(resultSchema(columns, rowSchema(columns), recordSchema(columns)))
}

func text(schema object) json.RawMessage {
	data, err := json.Marshal(schema)
	if err != nil {
		return json.RawMessage("{}") // unreachable: schemas hold texts, numbers and lists
	}
	return data
}

// resultSchema describes the JSON answer of an endpoint: its columns, a row of it
// as a list, and a row as an object.
func resultSchema(columns []resultColumn, row, entry object) object {
	return record(object{
		{"items", record(object{{"MAIN", storeSchema(listOf(row))}}).with("description", "The answer once more, as stores")},
		{"request", typed("object").with("description", "The slot values, defaults included")},
		{"timestamp", typed("string").with("format", "date-time")},
		{"result_code", described("integer", "0: ok")},
		{"error", typed("string", "null")},
		{"program_trace", described("string", "The SQL that ran")},
		{"columns", columnsSchema(columns)},
		{"rows", listOf(row).with("description", "The rows, each a list in the order of columns")},
		{"data", listOf(entry).with("description", "The rows, each an object")},
		{"row_count", described("integer", "Rows that are here")},
		{"truncated", described("boolean", "Whether there are more rows than these")},
		{"total_rows", typed("integer", "null").with("description", "How many rows there are; null if that is not known")},
		{"elapsed_ms", typed("number")},
		{"dataset_versions", typed("object").with("additionalProperties", typed("integer")).with("description", "The version of each table that was read")},
		{"next", typed("string", "null").with("description", "Send as after for the next page; null at the end")},
	})
}

// storeSchema describes the answer as existing clients read it.
func storeSchema(rows object) object {
	column := record(object{
		{"column_name", typed("string")}, {"type_t", typed("string")}, {"col_kind_t", typed("string")}, {"col_t", typed("string")},
		{"aliases", listOf(typed("string"))}, {"description", typed("string")},
	})
	return record(object{
		{"item_t", typed("string")},
		{"item", record(object{
			{"attribution", typed("object").with("additionalProperties", typed("string"))},
			{"title", typed("string", "null")},
			{"description", typed("string")},
			{"data_schema", listOf(column)},
			{"rows", rows},
		})},
	})
}

// problemSchema describes a refusal: an RFC 9457 document.
func problemSchema() object {
	field := record(object{{"pointer", described("string", "The parameter, as a JSON pointer or by its name")}, {"detail", typed("string")}})
	return object{
		{"type", "object"},
		{"required", []string{"type", "title", "status", "detail"}},
		{"properties", object{
			{"type", described("string", "Stable name of the problem, for programs")},
			{"title", described("string", "Kind of the problem")},
			{"status", described("integer", "HTTP status")},
			{"detail", described("string", "What happened, why, and what to try")},
			{"errors", listOf(field).with("description", "The parts of the request that are wrong")},
			{"fixes", listOf(typed("string")).with("description", "What to try")},
			{"request_id", described("string", "Names this request in the server's log")},
		}},
	}
}
