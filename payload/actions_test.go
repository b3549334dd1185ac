package payload

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

// TestTableTypesAndBodiesAgree keeps three lists of the same things together:
// every event of the table has a body in testdata, every body decodes to the
// type of its event, and the types have all that the bodies hold.
func TestTableTypesAndBodiesAgree(t *testing.T) {
	all := bodies(t)
	seen := make(map[string]bool)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		w := mustParse(t, all[name])
		row := w.row()
		if row == nil {
			t.Errorf("%s: %s is not in the table", name, w.Event)
			continue
		}
		seen[row.Name] = true
		got, err := w.Decode()
		if want := row.blank(); err != nil || reflect.TypeOf(got) != reflect.TypeOf(want) {
			t.Errorf("%s: decodes to %T, %v, want %T", name, got, err, want)
		}
		if err := json.Unmarshal(w.event(), row.blank(), lenient, json.RejectUnknownMembers(true)); err != nil {
			t.Errorf("%s: the type does not cover the body: %v", name, err)
		}
		if file, _, _ := strings.Cut(name[strings.Index(name, "/")+1:], "."); row.family != Upgrade && !strings.HasPrefix(file, w.Event) {
			t.Errorf("%s holds %s", name, w.Event)
		}
	}
	for _, row := range table {
		if !seen[row.Name] {
			t.Errorf("no body of %s in testdata", row.Name)
		}
	}
}

func TestTableNamesEachEventOnce(t *testing.T) {
	if len(rows) != len(table) {
		t.Errorf("%d names for %d events", len(rows), len(table))
	}
}

func TestActionsFollowEachOther(t *testing.T) {
	for _, a := range Actions() {
		if got, ok := LookupAction(a.Name); !ok || got != a {
			t.Errorf("%s: found %+v, %v", a.Name, got, ok)
		}
		if a.First < "3.0" || a.Last != "" && a.Last < a.First {
			t.Errorf("%s: from %q to %q", a.Name, a.First, a.Last)
		}
		if a.Successor == "" {
			continue
		}
		if next, ok := LookupAction(a.Successor); !ok || a.Last == "" || next.First <= a.Last {
			t.Errorf("%s, last in %q, gives way to %+v", a.Name, a.Last, next)
		}
	}
}

func TestActionsHoldOnlyV3(t *testing.T) {
	for _, name := range []string{"", "chat_started", "application_installed", "ENABLE", "incoming_visitor"} {
		if a, ok := LookupAction(name); ok {
			t.Errorf("%q: %+v", name, a)
		}
		for _, a := range Actions() {
			if a.Name == name {
				t.Errorf("%q is among the actions", name)
			}
		}
	}
}

func TestActionIn(t *testing.T) {
	for _, tt := range []struct {
		action, version string
		want            bool
	}{
		{"event_deleted", "3.5", false},
		{"incoming_customer", "3.6", false},
		{"thread_closed", "3.2", false},
		{"event_deleted", "3.6", true},
		{"event_deleted", "3.10", true},
		{"incoming_customer", "3.5", true},
		{"incoming_event", "3.0", true},
	} {
		a, _ := LookupAction(tt.action)
		if got := a.In(tt.version); got != tt.want {
			t.Errorf("%s in %s: %v", tt.action, tt.version, got)
		}
	}
}
