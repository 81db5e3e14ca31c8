//go:build race

package decode_test

// raced says that the race detector watches, which makes a loop over bytes about
// thirty times as slow.
const raced = true
