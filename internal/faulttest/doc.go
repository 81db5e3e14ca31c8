// Package faulttest holds no code: its tests make every step of a landing fail,
// hang and die, and fill its disk, and look at what is left.
package faulttest
