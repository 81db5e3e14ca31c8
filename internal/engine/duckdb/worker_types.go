package duckdb

import (
	"github.com/duckdb/duckdb-go/v2/mapping"

	"millwright/internal/table"
)

// typeOf maps a result type of DuckDB to one of ours. Cast says that values
// must be cast to resultSQL of it, exactly or with an error.
func typeOf(lt mapping.LogicalType) (t table.Type, cast bool) {
	switch id := mapping.GetTypeId(lt); id {
	case mapping.TypeBoolean:
		return table.Type{Kind: table.Boolean}, false
	case mapping.TypeBigInt:
		return table.Type{Kind: table.BigInt}, false
	case mapping.TypeTinyInt, mapping.TypeSmallInt, mapping.TypeInteger,
		mapping.TypeUTinyInt, mapping.TypeUSmallInt, mapping.TypeUInteger:
		return table.Type{Kind: table.BigInt}, true
	case mapping.TypeUBigInt:
		return table.Type{Kind: table.Decimal, Precision: 20}, true
	case mapping.TypeHugeInt, mapping.TypeUHugeInt:
		return table.Type{Kind: table.Decimal, Precision: 38}, true
	case mapping.TypeDecimal:
		return table.Type{Kind: table.Decimal, Precision: int(mapping.DecimalWidth(lt)), Scale: int(mapping.DecimalScale(lt))}, false
	case mapping.TypeDouble:
		return table.Type{Kind: table.Double}, false
	case mapping.TypeFloat:
		return table.Type{Kind: table.Double}, true
	case mapping.TypeDate:
		return table.Type{Kind: table.Date}, false
	case mapping.TypeTimestamp:
		return table.Type{Kind: table.Timestamp}, false
	case mapping.TypeTimestampS, mapping.TypeTimestampMS:
		return table.Type{Kind: table.Timestamp}, true
	case mapping.TypeTimestampTZ:
		return table.Type{Kind: table.TimestampTZ}, false
	case mapping.TypeVarchar:
		if mapping.LogicalTypeGetAlias(lt) == "JSON" {
			return table.Type{Kind: table.JSON}, true
		}
		return table.Type{Kind: table.Varchar}, false
	case mapping.TypeEnum, mapping.TypeSQLNull, mapping.TypeStringLiteral, mapping.TypeInvalid, mapping.TypeAny:
		return table.Type{Kind: table.Varchar}, true
	case mapping.TypeList, mapping.TypeArray, mapping.TypeStruct, mapping.TypeMap:
		return nestedTypeOf(lt, id)
	default:
		return other(otherNames[id])
	}
}

func other(name string) (table.Type, bool) {
	if name == "" {
		name = "OTHER"
	}
	return table.Type{Kind: table.Other, Text: name}, true
}

var otherNames = map[mapping.Type]string{
	mapping.TypeBlob: "BLOB", mapping.TypeUUID: "UUID", mapping.TypeBit: "BIT", mapping.TypeInterval: "INTERVAL",
	mapping.TypeTime: "TIME", mapping.TypeTimeTZ: "TIMETZ", mapping.TypeTimeNS: "TIME_NS", mapping.TypeTimestampNS: "TIMESTAMP_NS",
	mapping.TypeBigNum: "BIGNUM", mapping.TypeUnion: "UNION", mapping.TypeVariant: "VARIANT", mapping.TypeGeometry: "GEOMETRY",
}

func nestedTypeOf(lt mapping.LogicalType, id mapping.Type) (table.Type, bool) {
	child := func(c mapping.LogicalType) (table.Type, bool) {
		defer mapping.DestroyLogicalType(&c)
		return typeOf(c)
	}
	switch id {
	case mapping.TypeList:
		elem, cast := child(mapping.ListTypeChildType(lt))
		return table.Type{Kind: table.List, Elem: &elem}, cast
	case mapping.TypeArray:
		elem, _ := child(mapping.ArrayTypeChildType(lt))
		return table.Type{Kind: table.List, Elem: &elem}, true
	case mapping.TypeMap:
		key, castKey := child(mapping.MapTypeKeyType(lt))
		elem, cast := child(mapping.MapTypeValueType(lt))
		return table.Type{Kind: table.Map, Elem: &elem}, cast || castKey || key.Kind != table.Varchar
	}
	t, anyCast := table.Type{Kind: table.Struct}, false
	for i := range mapping.StructTypeChildCount(lt) {
		name := mapping.StructTypeChildName(lt, i)
		if name == "" {
			return other("STRUCT") // of row(…): fields without names
		}
		field, cast := child(mapping.StructTypeChildType(lt, i))
		t.Fields = append(t.Fields, table.Column{Name: name, Key: name, Type: field})
		anyCast = anyCast || cast
	}
	return t, anyCast
}

// resultSQL spells the type that a result column of type t has in DuckDB.
func resultSQL(t table.Type) string {
	return t.Spell(map[table.Kind]string{table.Other: "VARCHAR", table.JSON: "VARCHAR"})
}

var duckTypes = map[table.Kind]mapping.Type{
	table.Boolean: mapping.TypeBoolean, table.BigInt: mapping.TypeBigInt, table.Double: mapping.TypeDouble, table.Varchar: mapping.TypeVarchar,
	table.Date: mapping.TypeDate, table.Timestamp: mapping.TypeTimestamp, table.TimestampTZ: mapping.TypeTimestampTZ,
	table.JSON: mapping.TypeVarchar, table.Other: mapping.TypeVarchar,
}

// duckType makes the type that resultSQL spells. The caller must destroy it.
func duckType(t table.Type) mapping.LogicalType {
	switch t.Kind {
	case table.Decimal:
		return mapping.CreateDecimalType(uint8(t.Precision), uint8(t.Scale))
	case table.List:
		elem := duckType(*t.Elem)
		defer mapping.DestroyLogicalType(&elem)
		return mapping.CreateListType(elem)
	case table.Map:
		key, elem := mapping.CreateLogicalType(mapping.TypeVarchar), duckType(*t.Elem)
		defer mapping.DestroyLogicalType(&key)
		defer mapping.DestroyLogicalType(&elem)
		return mapping.CreateMapType(key, elem)
	case table.Struct:
		names, types := make([]string, len(t.Fields)), make([]mapping.LogicalType, len(t.Fields))
		for i, f := range t.Fields {
			names[i], types[i] = f.Name, duckType(f.Type)
		}
		defer func() {
			for i := range types {
				mapping.DestroyLogicalType(&types[i])
			}
		}()
		return mapping.CreateStructType(types, names)
	}
	return mapping.CreateLogicalType(duckTypes[t.Kind])
}
