// Package apitest tests the API from outside: one whole server on a real data
// folder, with people of several teams and a landed dataset, asked over HTTP.
package apitest
