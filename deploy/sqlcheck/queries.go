package sqlcheck

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// view is the table that the queries read.
const view = "`@PROJECT@.@LOCATION@.@BUCKET@._AllLogs`"

// The part of chats.sql between these lines is in every query.
const (
	start = "\nWITH\n"
	end   = "\n-- End of chats.sql.\n"
)

// Queries returns the texts of chats.sql and of the files in sql, by name
// without extension, that the folder deploy has.
func Queries(deploy string) (map[string]string, error) {
	files, err := filepath.Glob(filepath.Join(deploy, "sql", "*.sql"))
	if err != nil {
		return nil, err
	}
	queries := map[string]string{}
	for _, file := range append(files, filepath.Join(deploy, "chats.sql")) {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		queries[strings.TrimSuffix(filepath.Base(file), ".sql")] = string(text)
	}
	return queries, nil
}

// share returns the query with the shared part of chats in place of its own,
// which may be empty.
func share(query, chats string) (string, error) {
	about, _, ok := strings.Cut("\n"+query, start)
	_, ending, ok2 := strings.Cut(query, end[1:])
	if !ok || !ok2 {
		return "", fmt.Errorf("no lines %q and %q", start, end)
	}
	_, shared, _ := strings.Cut(chats, start)
	shared, _, _ = strings.Cut(shared, end)
	return about[1:] + start + shared + end + ending, nil
}

// compact returns the query without comments and indentation, for a dashboard,
// which has it once per chart.
func compact(query string) string {
	var b strings.Builder
	for line := range strings.Lines(query) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "--") {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}
