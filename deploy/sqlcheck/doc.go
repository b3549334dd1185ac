// Package sqlcheck tests the SQL in the folder deploy without a Google Cloud
// project, and generates what depends on it.
//
//	chats.sql    the query that gives one row per chat
//	sql/*.sql    the same query with other endings
//	chats.json   the dashboard whose charts use these
//
// The tests, cheapest first:
//
//	go test .         the files agree, every JSON path exists in some entry, and
//	                  the rows in testdata are those of internal/chats and of a
//	                  second count in Go. A second.
//	npm ci in engine  the same command now also executes the queries with
//	                  ZetaSQL, the reference implementation of GoogleSQL, on the
//	                  golden chats, on those in testdata/rare, and on random
//	                  variants of both. Half a minute.
//	go test ./types   the analyzer of GoogleSQL resolves all names and types, and
//	                  finds the columns that chats.json names. The first build
//	                  takes minutes and 7 GB of memory.
//
// go test . -update rewrites the part of sql/*.sql that is chats.sql, chats.json
// and, if the engine is installed, testdata/rows.json and answers.json.
// .ci/sql runs all.
//
// ZetaSQL cannot execute APPROX_QUANTILES, so the queries have exact percentiles.
package sqlcheck
