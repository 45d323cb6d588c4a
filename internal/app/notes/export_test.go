package notes // part:llm file

// Cut is for tests.
var Cut = cut
