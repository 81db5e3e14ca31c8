package catalog

// Union is for tests of what it quotes.
var Union = union
