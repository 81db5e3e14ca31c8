// Package typing decides the types of a table from all of its records, and
// rewrites records into the normal form that an engine converts without loss.
//
// An [Observer] sees every record once, as it streams in, and keeps counts per
// key instead of values, so its memory is bounded by the number of distinct keys.
// [Observer.Schema] then picks, for each key, the narrowest type that gives every
// value back exactly. A [Normalizer] rewrites raw records for that schema.
//
// The ladder, from the values that a key has had (null is never counted):
//
//   - none: VARCHAR, kept as a column that is always null
//   - only booleans: BOOLEAN
//   - only integers within 64 bits: BIGINT. "1.0" and "1e3" are not written as
//     integers, and "-0" has a sign that no integer keeps: these are numbers
//   - only numbers: DOUBLE if the shortest decimal that names the float64 is the
//     number as written, for every one of them; else DECIMAL if 38 digits hold
//     them all; else VARCHAR with the numbers as they were written
//   - only strings: DATE, TIMESTAMP or TIMESTAMPTZ if every one is that and nothing
//     else (see moment.go); else VARCHAR
//   - booleans, numbers and strings mixed: VARCHAR with the text as it was written;
//     the report holds how many there were of each
//   - only objects: STRUCT; MAP if their keys are unbounded (see [Limits]); JSON if
//     they are always empty
//   - only arrays: LIST of the type of all elements of all arrays; of VARCHAR if
//     there never was an element
//   - different shapes: JSON, the text as it was written, without white space
//
// Four things are not kept, and the report says so: the offset of a TIMESTAMPTZ
// (the instant is), whether a missing key was missing or null, whether the text in
// a mixed column was a string or a number, and the sign of a zero in a DOUBLE that
// has zeros without a sign, too (a Parquet dictionary holds one zero, and would
// give all of them the sign of the first).
package typing

// Limits bound what an observer keeps. A zero field means its default.
type Limits struct {
	Columns int // columns of the table; more are errs.TooLarge. 0 means 20,000

	// Fields of one nested object; an object with more becomes a MAP, or JSON when
	// its values have no type in common. 0 means 1,000.
	Fields int

	// Nested keys in all; when they are used up, the object that would grow becomes
	// a MAP or JSON. 0 means 50,000.
	Nodes int

	KeyBytes int // bytes of all keys together; treated like Columns and Nodes. 0 means 16 MiB

	// How deep types nest; what is deeper becomes JSON. 0 means 16.
	TypeDepth int

	Depth int // how deep values nest; deeper ones are errs.TooLarge. 0 means 512

	// The highest field id that earlier versions of the table have used, when the
	// previous schema alone does not tell. 0 means none.
	LastID int
}

// An object becomes a MAP when it has had at least sparseKeys distinct keys, its
// objects hold on average at most one in sparseShare of them, and the values have
// one type. So 200 rows with five ids each as keys are a MAP, and a record with
// 300 fields that are mostly there is a STRUCT.
const (
	sparseKeys  = 32
	sparseShare = 10
)

func (l Limits) withDefaults() Limits {
	set := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	set(&l.Columns, 20_000)
	set(&l.Fields, 1_000)
	set(&l.Nodes, 50_000)
	set(&l.KeyBytes, 16<<20)
	set(&l.TypeDepth, 16)
	set(&l.Depth, 512)
	return l
}
