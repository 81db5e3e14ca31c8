// Package e2e tests the real binary from outside: over HTTP, on the command line,
// and by reading its files with readers that are not ours.
package e2e
