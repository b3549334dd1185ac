package page

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// A webhook is kept as three files, the first two of the shape of testdata:
//
//	000137-incoming_event.json          the body as it came, secrets masked
//	000137-incoming_event.entry.json    the entry or, if it was split, an array
//	000137-incoming_event.request.json  the rest
//
// The last is written last, so that a webhook without it is not whole.

// request is all of a webhook but body and entries.
type request struct {
	Number     int         `json:"number"`
	Received   time.Time   `json:"received"`
	Micros     int64       `json:"micros"`
	Method     string      `json:"method"`
	URI        string      `json:"uri"`
	Headers    http.Header `json:"headers"`
	Status     int         `json:"status"`
	Answer     string      `json:"answer"`
	Fault      string      `json:"fault,omitzero"`
	NotWritten string      `json:"not_written,omitzero"`
	Stored     bool        `json:"stored"`
	ReplayOf   int         `json:"replay_of,omitzero"`
	Reason     string      `json:"reason,omitzero"`
}

const requestSuffix = ".request.json"

// Keep writes webhooks to the folder as they come, until Close. It returns what
// kept it from going on.
func (p *Page) Keep() error {
	at := p.store.here()
	for {
		changed := p.store.Changed()
		numbers, next, _ := p.store.after(at)
		for _, n := range numbers {
			if w := p.store.Get(n); w != nil {
				if err := p.write(w); err != nil {
					return fmt.Errorf("-keep: %w", err)
				}
			}
		}
		at = next
		select {
		case <-changed:
		case <-p.ended:
			if p.store.here() == at {
				return nil
			}
		}
	}
}

// write writes the files of a webhook, which only their owner may read.
func (p *Page) write(w *Webhook) error {
	base, _, _ := strings.Cut(fixtureName(w), ".")
	name := filepath.Join(p.keep, fmt.Sprintf("%06d-%s", w.Number, base))
	if err := os.WriteFile(name+filepath.Ext(fixtureName(w)), p.Body(w), 0o600); err != nil {
		return err
	}
	if len(w.entries) > 0 {
		text, err := entryFile(w.Entries())
		if err != nil {
			return err
		}
		if err := os.WriteFile(name+".entry.json", text, 0o600); err != nil {
			return err
		}
	}
	r := request{
		w.Number, w.Received, w.Took.Microseconds(), w.Method, p.maskURI(w.URI), p.Header(w), w.Status, w.Answer,
		w.Fault, w.NotWritten, w.Stored, w.ReplayOf, w.Reason,
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(name+requestSuffix, append(text, '\n'), 0o600)
}

// entryFile returns entries as testdata has them.
func entryFile(entries []*loggingpb.LogEntry) ([]byte, error) {
	all := entriesJSON(entries)
	var text jsontext.Value
	var err error
	if len(all) == 1 {
		text = jsontext.Value(all[0])
	} else if text, err = json.Marshal(all); err != nil {
		return nil, err
	}
	if err := text.Indent(jsontext.WithIndent("  ")); err != nil {
		return nil, err
	}
	return append(text, '\n'), nil
}

// Restore puts the latest webhooks of the folder, which it makes if there is
// none, into the store. It returns how many.
func (p *Page) Restore() (int, error) {
	if err := os.MkdirAll(p.keep, 0o700); err != nil {
		return 0, fmt.Errorf("-keep: %w", err)
	}
	files, err := filepath.Glob(filepath.Join(escapeGlob(p.keep), "*"+requestSuffix))
	if err != nil {
		return 0, fmt.Errorf("-keep: %w", err)
	}
	slices.Sort(files)
	files = files[max(0, len(files)-maxWebhooks):]
	for _, file := range files {
		w, err := p.read(strings.TrimSuffix(file, requestSuffix))
		if err != nil {
			return 0, fmt.Errorf("-keep: %s: %w", file, err)
		}
		p.store.add(w)
	}
	return len(files), nil
}

// escapeGlob returns a pattern that matches just the path.
func escapeGlob(path string) string {
	return strings.NewReplacer(`[`, `[[]`, `*`, `[*]`, `?`, `[?]`).Replace(path)
}

// read reads the files of a webhook, whose names start with name.
func (p *Page) read(name string) (*Webhook, error) {
	text, err := os.ReadFile(name + requestSuffix)
	if err != nil {
		return nil, err
	}
	var r request
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, err
	}
	body, err := os.ReadFile(name + ".json")
	if err != nil {
		if body, err = os.ReadFile(name + ".txt"); err != nil {
			return nil, err
		}
	}
	w := &Webhook{
		Number: r.Number, Received: r.Received, Took: time.Duration(r.Micros) * time.Microsecond,
		Method: r.Method, URI: r.URI, Header: r.Headers, Body: body, Status: r.Status, Answer: r.Answer,
		Fault: r.Fault, NotWritten: r.NotWritten, Stored: r.Stored, Kept: true, ReplayOf: r.ReplayOf,
	}
	entries, err := readEntries(name + ".entry.json")
	if err != nil {
		return nil, err
	}
	if len(entries) == 0 {
		entries = p.expected(w)
		if len(entries) > 0 {
			w.learn(entries[0])
		}
		w.Reason = r.Reason
		return w, nil
	}
	w.learn(entries[0])
	w.Reason = r.Reason
	for _, e := range entries {
		wire, err := proto.Marshal(e)
		if err != nil {
			return nil, err
		}
		w.entries = append(w.entries, wire)
	}
	return w, nil
}

// readEntries returns the entries of a file, none if there is no such file.
func readEntries(file string) ([]*loggingpb.LogEntry, error) {
	text, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	texts := []json.RawMessage{text}
	if bytes.HasPrefix(text, []byte("[")) {
		if err := json.Unmarshal(text, &texts); err != nil {
			return nil, err
		}
	}
	var all []*loggingpb.LogEntry
	for _, text := range texts {
		e := new(loggingpb.LogEntry)
		if err := protojson.Unmarshal(text, e); err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}
