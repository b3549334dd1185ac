package sqlcheck

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	"google.golang.org/protobuf/encoding/protojson"
)

// needEngine skips t where the engine is not installed, unless SQLCHECK_ENGINE
// says that it has to be.
func needEngine(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("engine/node_modules"); err != nil && os.Getenv("SQLCHECK_ENGINE") == "" {
		t.Skip("not installed: npm ci in deploy/sqlcheck/engine")
	}
}

// execute runs queries on ZetaSQL and returns their rows, each as JSON.
func execute(t *testing.T, queries map[string]string) map[string][]json.RawMessage {
	t.Helper()
	dir := t.TempDir()
	from, to := filepath.Join(dir, "queries.json"), filepath.Join(dir, "answers.json")
	text, err := json.Marshal(queries)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(from, text, 0o644); err != nil {
		t.Fatal(err)
	}
	node := exec.Command("node", "engine/evaluate.mjs", from, to)
	if out, err := node.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", node, err, out)
	}
	if text, err = os.ReadFile(to); err != nil {
		t.Fatal(err)
	}
	var answers map[string]json.RawMessage
	if err := json.Unmarshal(text, &answers); err != nil {
		t.Fatal(err)
	}
	rows := map[string][]json.RawMessage{}
	for name, answer := range answers {
		var strings []string
		if err := json.Unmarshal(answer, &strings); err != nil {
			t.Errorf("%s: %s", name, answer)
		}
		for _, s := range strings {
			rows[name] = append(rows[name], json.RawMessage(s))
		}
	}
	return rows
}

// onLog returns the query with a table of these entries in place of the view
// of the log bucket. Each row it gives is one JSON object.
func onLog(t testing.TB, query string, entries []*loggingpb.LogEntry) string {
	t.Helper()
	var rows []string
	for _, e := range entries {
		labels, err := json.Marshal(e.GetLabels())
		if err != nil {
			t.Fatal(err)
		}
		var payload bytes.Buffer
		text, err := protojson.Marshal(e.GetJsonPayload())
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Compact(&payload, text); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, fmt.Sprintf("SELECT TIMESTAMP '%s' AS timestamp, %s AS insert_id, JSON %s AS labels, JSON %s AS json_payload",
			e.GetTimestamp().AsTime().Format(time.RFC3339Nano), quote(e.GetInsertId()), quote(string(labels)), quote(payload.String())))
	}
	table := "(" + strings.Join(rows, "\nUNION ALL ") + ")"
	if !strings.Contains(query, view) {
		t.Fatal("the query does not read the log")
	}
	query = strings.ReplaceAll(query, view, table)
	return "SELECT TO_JSON_STRING(r) FROM (\n" + query + "\n) AS r"
}

// quote returns s as a GoogleSQL string.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}
