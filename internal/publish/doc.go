// Package publish freezes query programs as endpoints: a project has one API, each
// published program is one endpoint of it, and what callers rely on stays as it was.
//
// An API has versions. A program that is published again replaces what was frozen
// if every call that was good stays good and every column stays where it was; if
// not, the next version of the API opens, with all other endpoints as they are, and
// the version before goes on answering with what it had frozen, deprecated, until
// somebody removes it. Editing a program changes nothing of its endpoint.
//
// What is frozen is the program, not the data: an endpoint reads the current version
// of each dataset, unless a request names another.
package publish
