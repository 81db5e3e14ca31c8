package api

// What the tests of this folder see of the inside.
var (
	StatusOf  = statusOf
	ProblemOf = problemOf
)
