package types

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-googlesql"

	"example.com/livechat-webhook/deploy/sqlcheck"
)

func TestMain(m *testing.M) {
	if err := googlesql.Init(); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// must returns v, or fails t.
func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// analyzer knows GoogleSQL as Observability Analytics has it, and the view of a
// log bucket.
type analyzer struct {
	options *googlesql.AnalyzerOptions
	catalog *googlesql.SimpleCatalog
	types   *googlesql.TypeFactory
}

func newAnalyzer(t *testing.T) analyzer {
	t.Helper()
	language := must[*googlesql.LanguageOptions](t)(googlesql.NewLanguageOptions())
	check(t, language.EnableMaximumLanguageFeatures())
	check(t, language.SetProductMode(googlesql.ProductModeProductExternal))
	a := analyzer{
		options: must[*googlesql.AnalyzerOptions](t)(googlesql.NewAnalyzerOptions2()),
		catalog: must[*googlesql.SimpleCatalog](t)(googlesql.NewSimpleCatalog("logs", nil)),
		types:   must[*googlesql.TypeFactory](t)(googlesql.NewTypeFactory()),
	}
	check(t, a.options.SetLanguage(language))
	check(t, a.catalog.AddBuiltinFunctionsAndTypes(&googlesql.BuiltinFunctionOptions{LanguageOptions: language}))
	a.addView(t)
	return a
}

// addView adds the columns of a log view that published queries use
// (https://cloud.google.com/logging/docs/analyze/query-and-view).
func (a analyzer) addView(t *testing.T) {
	t.Helper()
	const name = "@PROJECT@.@LOCATION@.@BUCKET@._AllLogs"
	table := must[*googlesql.SimpleTable](t)(googlesql.NewSimpleTable(name, 0))
	add := func(t *testing.T, type_ googlesql.Googlesql_TypeNode, columns ...string) {
		for _, column := range columns {
			c := must[*googlesql.SimpleColumn](t)(googlesql.NewSimpleColumn(name, column, type_, false, false))
			check(t, table.AddColumn2(c, false))
		}
	}
	node := must[googlesql.Googlesql_TypeNode](t)
	add(t, node(a.types.GetTimestamp()), "timestamp", "receive_timestamp")
	add(t, node(a.types.GetString()), "insert_id", "log_name", "log_id", "severity", "trace", "span_id", "text_payload")
	add(t, node(a.types.GetJson()), "labels", "json_payload")
	check(t, a.catalog.AddTable(table))
}

// columns returns the types of the query's columns, by name, as the analyzer calls
// them.
func (a analyzer) columns(t *testing.T, query string) (map[string]string, error) {
	t.Helper()
	out, err := googlesql.AnalyzeStatement(query, a.options, a.catalog, a.types)
	if err != nil {
		return nil, err
	}
	statement, err := out.ResolvedStatement()
	check(t, err)
	resolved, ok := statement.(*googlesql.ResolvedQueryStmt)
	if !ok {
		t.Fatalf("%T is no query", statement)
	}
	columns := map[string]string{}
	for i := range must[int32](t)(resolved.OutputColumnListSize()) {
		output := must[*googlesql.ResolvedOutputColumn](t)(resolved.OutputColumnList2(i))
		column := must[*googlesql.ResolvedColumn](t)(output.Column())
		type_ := must[googlesql.Googlesql_TypeNode](t)(column.Type())
		columns[must[string](t)(output.Name())] = must[string](t)(type_.DebugString(false))
	}
	return columns, nil
}

func queries(t *testing.T) map[string]string {
	t.Helper()
	return must[map[string]string](t)(sqlcheck.Queries("../.."))
}

func TestQueriesAreGoogleSQL(t *testing.T) {
	a := newAnalyzer(t)
	for name, query := range queries(t) {
		if _, err := a.columns(t, query); err != nil {
			t.Errorf("%s.sql: %v", name, err)
		}
	}
}

// TestChartsNameColumns: each column that the dashboard names is there, as a
// type that can be plotted so.
func TestChartsNameColumns(t *testing.T) {
	a := newAnalyzer(t)
	for name, named := range sqlcheck.Columns() {
		columns, err := a.columns(t, queries(t)[name])
		if err != nil {
			t.Errorf("%s.sql: %v", name, err)
			continue
		}
		for _, column := range named {
			want := "STRING"
			switch {
			case column == "started":
				want = "TIMESTAMP"
			case strings.HasSuffix(column, "seconds"):
				want = "DOUBLE" // FLOAT64
			}
			if columns[column] != want {
				t.Errorf("%s.sql: %s is %q, want %s", name, column, columns[column], want)
			}
		}
		if len(named) == 0 && slices.ContainsFunc(slices.Collect(maps.Values(columns)), isNested) {
			t.Errorf("%s.sql has nested columns, which a table does not show", name)
		}
	}
}

func isNested(type_ string) bool {
	return strings.HasPrefix(type_, "STRUCT") || strings.HasPrefix(type_, "ARRAY")
}

func TestMistakesAreFound(t *testing.T) {
	a := newAnalyzer(t)
	for _, mistake := range []struct{ from, to, want string }{
		{"REGEXP_REPLACE(insert_id", "REGEXP_REPLACE(insertid", "insertid"},
		{"JSON_VALUE(labels.api)", "JSON_VALU(labels.api)", "JSON_VALU"},
		{"SELECT * FROM chats ORDER BY started", "SELECT startd FROM chats", "startd"},
		{"SELECT * FROM chats ORDER BY started", "SELECT started + 1.5 FROM chats", "operator +"},
	} {
		_, err := a.columns(t, strings.Replace(queries(t)["chats"], mistake.from, mistake.to, 1))
		if err == nil || !strings.Contains(err.Error(), mistake.want) {
			t.Errorf("%s: %v", mistake.to, err)
		}
	}
}
