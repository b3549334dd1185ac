package page

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// flatten returns the lines of a tree with changes.
func changes(n *node) []string {
	var all []string
	if n.Change != "" {
		all = append(all, fmt.Sprintf("%s: %s %s: %s", n.path, n.Body, n.Entry, n.Change))
	}
	for _, child := range n.Children {
		all = append(all, changes(child)...)
	}
	return all
}

// TestChangesAreMarked: wherever the entry says something else than the body.
func TestChangesAreMarked(t *testing.T) {
	r := start(t, secret, "")
	deep := strings.Repeat(`[`, 40) + "1" + strings.Repeat(`]`, 40)
	w := r.send(t, `{"secret_key":"`+secret+`","action":"x","id":12345678901234567890,"price":1.10,"big":1e400,"twice":1,"twice":2,`+
		`"text":"I know `+secret+`","bad":"`+"\xff"+`","deep":`+deep+`,"list":[1,{"a":9007199254740993}]}`)
	if w.Status != 200 || !w.Stored {
		t.Fatal(w.Status)
	}
	got := changes(r.detail(w).Tree)
	want := []string{
		`secret_key: "[secret, 20 characters]" "[redacted]": redacted`,
		`id: 12345678901234567890 "12345678901234567890": written as text, because a double would change the number`,
		`big: 1e400 "1e400": written as text, because a double would change the number`,
		`twice: 1 : not in the entry: of members of one name the last counts`,
		`text: "I know [redacted]" "I know [redacted]": redacted`,
	}
	var deepAt string
	for i, line := range got {
		if strings.HasPrefix(line, "deep.") {
			deepAt, got = line, append(got[:i:i], got[i+1:]...)
			break
		}
	}
	if !strings.HasSuffix(deepAt, "written as text, because it nests deeper than 32 levels") {
		t.Errorf("deep: %s", deepAt)
	}
	want = append(want, `list.1.a: 9007199254740993 "9007199254740993": written as text, because a double would change the number`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, _, text := r.get(t, "/webhooks/1"); !strings.Contains(text, `<span class="number">1.10</span>`) || !strings.Contains(text, "<mark>12345678901234567890</mark>") {
		t.Error("a number has changed on the way to the screen")
	}
}

// TestSplitEntry: a webhook in several entries is drawn as one.
func TestSplitEntry(t *testing.T) {
	r := start(t, secret, "")
	w := r.send(t, `{"secret_key":"`+secret+`","action":"x","text":"`+strings.Repeat("long ", 60_000)+`","last":true}`)
	if n := len(w.Entries()); n != 2 {
		t.Fatalf("%d entries", n)
	}
	_, _, text := r.get(t, "/webhooks/1")
	for _, want := range []string{"split into 2 parts", `<span class="literal">true</span></code><code>`, "more bytes"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not on the page", want)
		}
	}
	if len(text) > 200_000 {
		t.Errorf("the page has %d bytes", len(text))
	}
}

// TestHugeBodies are drawn in bounded size.
func TestHugeBodies(t *testing.T) {
	r := start(t, "", "")
	for _, body := range []string{
		`{"a":[` + strings.Repeat(`1,`, 1_000_000) + `1]}`,
		`{"a":` + strings.Repeat(`[`, 9_000) + strings.Repeat(`]`, 9_000) + `}`,
		strings.Repeat("x", 4_000_000),
	} {
		w := r.send(t, body)
		_, _, text := r.get(t, "/webhooks/"+fmt.Sprint(w.Number))
		if len(text) > 5_000_000 {
			t.Errorf("%.20s…: the page has %d bytes", body, len(text))
		}
	}
}

func TestDifferences(t *testing.T) {
	got := differences([]byte(`{"a":1,"b":{"c":"x"},"d":[1,2],"gone":null}`), []byte(`{"d":[1,3,4],"a":1.0,"b":{"c":"x"},"new":{}}`))
	want := []difference{{"d.1", "2", "3"}, {"d.2", "", "4"}, {"a", "1", "1.0"}, {"new", "", "{}"}, {"gone", "null", ""}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestDifferenceToTheDeliveryBefore is to the same event of the same chat.
func TestDifferenceToTheDeliveryBefore(t *testing.T) {
	r := start(t, "", "")
	r.send(t, message("one"))
	r.send(t, strings.ReplaceAll(message("elsewhere"), "PS0X0L086G", "OTHERCHAT1"))
	w := r.send(t, message("two"))
	c := r.compare(w)
	if c == nil || c.With != 1 || len(c.Differences) != 1 || c.Differences[0] != (difference{"payload.event.text", `"one"`, `"two"`}) {
		t.Errorf("%+v", c)
	}
	if c := r.compare(r.store.Get(1)); c != nil {
		t.Errorf("the first is compared with %+v", c)
	}
}
