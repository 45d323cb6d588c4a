package embedded

// Available is for the tests of the package from outside.
var Available = available
