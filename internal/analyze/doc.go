// Package analyze finds out what the columns of a dataset version mean.
//
// It reads the version's Parquet files with a handful of engine queries, each
// over many columns: exact counts and distinct counts, because a key is claimed
// only from a full scan, and the shapes of text from a sample of the distinct
// values. Rules then decide, in a fixed order, on one role for each column, and
// say why in numbers. The same files give the same profile, byte for byte, and
// so do the same rows in another order, row numbers apart.
package analyze
