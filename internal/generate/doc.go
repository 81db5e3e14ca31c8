// Package generate finds the questions worth asking of a dataset and writes the
// programs that answer them.
//
// The way is always the same: every template makes candidates from the profile;
// the linter drops what makes no sense; the best are run once with their
// defaults; what is empty or says nothing is dropped; the rest is scored, and a
// dozen are chosen so that they differ. Nothing is random and no clock decides,
// so that the same data gives the same programs.
package generate
