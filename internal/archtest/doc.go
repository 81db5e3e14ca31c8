// Package archtest holds the rules of the house as tests: who may import whom,
// and that every exported name says its contract.
package archtest
