//go:build !race

package duckdb

// raceDetector is true in builds that map terabytes of shadow memory.
const raceDetector = false
