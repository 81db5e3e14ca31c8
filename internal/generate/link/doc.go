// Package link finds the columns of a dataset whose values are keys of another
// dataset of the project, and remembers what it found, with the counts.
//
// Whether names go together is guessed; whether values do is counted, exactly and
// over all rows. Numbers that count rows from one are contained in nearly
// everything: they are never a link without a name that says so.
package link
