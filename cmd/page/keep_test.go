package page

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/livechat-webhook/payload"
)

// TestRestart: what was kept is there again after a restart, in the shape of
// testdata, and can be replayed with the secret that the function has then.
func TestRestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a [new] folder")
	before := start(t, secret, dir)
	if n, err := before.Restore(); n != 0 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	kept := make(chan error)
	go func() { kept <- before.Keep() }()
	before.send(t, message("Hello"))
	before.send(t, `{"event_type":"chat_started","chat":{"id":"PO13"}}`, "Authorization", "Basic "+basic(secret))
	before.send(t, `{"secret_key":"`+secret+`","action":"incoming_event","payload":{"chat_id":"L","event":{"text":"`+strings.Repeat("long ", 60_000)+`"}}}`)
	before.send(t, "{not JSON")
	before.send(t, `{"secret_key":"wrong","action":"x"}`)
	before.send(t, message("Hello"))
	_, _, rows := before.get(t, "/webhooks", "Accept", "application/json")
	_, _, chats := before.get(t, "/chats", "Accept", "application/json")
	before.Close()
	if err := <-kept; err != nil {
		t.Fatal(err)
	}

	after := start(t, other, dir)
	if n, err := after.Restore(); n != 6 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	_, _, rowsAgain := after.get(t, "/webhooks", "Accept", "application/json")
	if diff := cmp.Diff(rows, rowsAgain); diff != "" {
		t.Errorf("the list (-before +after):\n%s", diff)
	}
	if _, _, chatsAgain := after.get(t, "/chats", "Accept", "application/json"); chats != chatsAgain {
		t.Errorf("the chats (-before +after):\n%s", cmp.Diff(chats, chatsAgain))
	}
	for n, status := range map[int]int{1: 200, 2: 200, 3: 200, 4: 400} {
		_, h, _ := after.act(t, "/webhooks/"+strconv.Itoa(n)+"/replay", nil)
		again := after.numberedBy(h.Get("Location"))
		if again == nil || again.Status != status || again.ReplayOf != n {
			t.Errorf("replay of #%d: %+v", n, again)
		}
	}
	body, err := os.ReadFile(filepath.Join(dir, "000001-incoming_event.json"))
	if err != nil {
		t.Fatal(err)
	}
	if w, err := payload.Parse(body); err != nil || w.ChatID != "PS0X0L086G" || !isMasked(w.SecretKey) {
		t.Errorf("kept %s, %v", body, err)
	}
	if entry, err := os.ReadFile(filepath.Join(dir, "000001-incoming_event.entry.json")); err != nil || !strings.Contains(string(entry), `"insertId": "`) {
		t.Errorf("kept entry %s, %v", entry, err)
	}
	info, err := os.Stat(filepath.Join(dir, "000001-incoming_event.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func (r *run) numberedBy(location string) *Webhook {
	n, _ := strconv.Atoi(strings.TrimPrefix(location, "/webhooks/"))
	return r.store.Get(n)
}

// TestKeepSaysWhatIsWrong: a folder that cannot be written to is no secret.
func TestKeepSaysWhatIsWrong(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r := start(t, "", filepath.Join(file, "folder"))
	if _, err := r.Restore(); err == nil || !strings.HasPrefix(err.Error(), "-keep: ") {
		t.Errorf("Restore: %v", err)
	}
	kept := make(chan error)
	go func() { kept <- r.Keep() }()
	for range 2 { // the first may be before Keep
		r.send(t, message("Hello"))
	}
	if err := <-kept; err == nil || !strings.HasPrefix(err.Error(), "-keep: ") {
		t.Errorf("Keep: %v", err)
	}
}
