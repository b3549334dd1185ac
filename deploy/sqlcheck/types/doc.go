// Package types tests that GoogleSQL's own analyzer understands the queries of
// the folder deploy. It is a package apart because its first build takes some
// minutes and 7 GB of memory.
package types
