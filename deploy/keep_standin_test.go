package deploy

import (
	"maps"
	"strings"
	"sync"
	"testing"
)

const (
	bucketFile = "buckets/europe-west1.livechat-webhook"
	sinkFile   = "sinks/livechat-webhook"
	exclusion  = "exclusions/livechat-webhook"
)

// keepingMachine returns a machine where a function keeps webhooks for a year.
// It is deployed to once.
func keepingMachine(t *testing.T) *machine {
	t.Helper()
	yearOnce.Do(func() {
		year = map[string]string{}
		m := newMachine(t)
		m.deploy(t, "--keep", "365", "--notify", "me@example.com")
		for _, file := range append(glob(t, m.state+"/*/*"), m.state+"/enabled", m.state+"/number") {
			year[strings.TrimPrefix(file, m.state)] = read(t, file)
		}
	})
	m := newMachine(t)
	for file, text := range year {
		write(t, m.state+file, text, 0o666)
	}
	return m
}

var (
	yearOnce sync.Once
	year     map[string]string // the files of a machine that keeps for a year
)

// edit changes a file of the state, as somebody in the console does.
func (m *machine) edit(t *testing.T, file, old, with string) {
	t.Helper()
	text := read(t, m.state+"/"+file)
	if !strings.Contains(text, old) {
		t.Fatalf("%q is not in %s: %s", old, file, text)
	}
	write(t, m.state+"/"+file, strings.ReplaceAll(text, old, with), 0o666)
}

// routing returns what routes entries.
func (m *machine) routing(t *testing.T) map[string]string {
	t.Helper()
	files := m.files(t)
	maps.DeleteFunc(files, func(name, _ string) bool {
		return !strings.HasPrefix(name, "buckets/") && !strings.HasPrefix(name, "sinks/") && !strings.HasPrefix(name, "exclusions/")
	})
	return files
}

// order returns the changes that route entries, in their order.
func order(changes []string) string {
	var found []string
	for _, change := range changes {
		for mark, what := range map[string]string{
			"buckets create": "bucket", "--enable-analytics": "SQL", "sinks create": "sink", "run deploy": "function", "--add-exclusion": "exclusion",
			"--remove-exclusions": "no exclusion", "services delete": "no function", "sinks delete": "no sink",
		} {
			if strings.Contains(change, mark) {
				found = append(found, what)
			}
		}
	}
	return strings.Join(found, ", ")
}

// TestNoWebhookFallsBetween: what no sink takes is lost, so that the exclusion
// comes after the sink, and goes before it.
func TestNoWebhookFallsBetween(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	says(t, m.deploy(t, "--keep", "365"), "waiting for 0 s, for the sink")
	changes := m.changes(t)
	if got := order(changes); got != "bucket, SQL, sink, function, exclusion" {
		t.Errorf("made %s", got)
	}
	if out, ok := m.run(t, "yes\n", "--delete"); !ok {
		t.Fatalf("failed:\n%s", out)
	}
	if got := order(m.changes(t)[len(changes):]); got != "no exclusion, no function, no sink" {
		t.Errorf("deleted %s", got)
	}
}

// TestInterruptedKeepIsFinished ends the first run before the exclusion.
func TestInterruptedKeepIsFinished(t *testing.T) {
	t.Parallel()
	m := keepingMachine(t)
	whole := m.routing(t)
	other := newMachine(t, "GCLOUD_DENY=*--add-exclusion*")
	if out, ok := other.run(t, "", "--keep", "365"); ok {
		t.Fatalf("not interrupted:\n%s", out)
	}
	other.env = append(other.env, "GCLOUD_DENY=")
	says(t, other.deploy(t, "--keep", "365"), "waiting for 0 s, for the sink")
	if !maps.Equal(other.routing(t), whole) {
		t.Errorf("%v", other.routing(t))
	}
}

// TestBucketStaysWhereItIs moves the function, and asks for another location.
func TestBucketStaysWhereItIs(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.deploy(t, "--keep", "365", "--location", "eu")
	m.deploy(t, "--keep", "400")
	if files := m.routing(t); len(files) != 3 || !strings.Contains(files["buckets/eu.livechat-webhook"], "days: 400") {
		t.Errorf("buckets: %v", files)
	}
	if out, ok := m.run(t, "yes\n", "--delete"); !ok {
		t.Fatalf("failed:\n%s", out)
	}
	m.deploy(t, "--keep", "400")
	if files := m.routing(t); len(files) != 3 || !strings.Contains(files[sinkFile], "locations/eu/") {
		t.Errorf("after the bucket was left: %v", files)
	}
	says(t, m.deploy(t, "--keep", "400", "--location", "us"), "what was kept in eu stays there")
	if files := m.routing(t); len(files) != 4 || !strings.Contains(files[sinkFile], "locations/us/") {
		t.Errorf("after --location us: %v", files)
	}
	says(t, m.deploy(t, "--keep", "400"), "Nothing had to be changed.")
}

// TestFunctionsOfAProjectKeepApart: each has its bucket, sink and exclusion.
func TestFunctionsOfAProjectKeepApart(t *testing.T) {
	t.Parallel()
	m := keepingMachine(t)
	before := m.routing(t)
	m.deploy(t, "--name", "second-shop", "--keep", "30", "--location", "us")
	if out, ok := m.run(t, "yes\n", "--name", "second-shop", "--delete"); !ok {
		t.Fatalf("failed:\n%s", out)
	}
	after := m.routing(t)
	for name, text := range before {
		if !strings.HasPrefix(name, "buckets/") && !strings.Contains(text, `service_name="livechat-webhook"`) {
			t.Errorf("%s takes the webhooks of others: %s", name, text)
		}
	}
	if text := after["buckets/us.second-shop"]; !strings.Contains(text, "days: 30") {
		t.Errorf("the bucket of the second: %q", text)
	}
	delete(after, "buckets/us.second-shop")
	if !maps.Equal(before, after) {
		t.Errorf("%v became %v", before, after)
	}
}

// TestRoutingEditedByHandStays: a sink that was narrowed gets no exclusion
// either, which would lose what it does not take.
func TestRoutingEditedByHandStays(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		file, old, with string
		says            []string
	}{
		"filter of the sink": {sinkFile, "filter: ", "filter: severity>INFO ", []string{"the sink livechat-webhook was edited by hand", "not while the sink is edited by hand"}},
		"description":        {sinkFile, "[livechat-webhook ", "[mine ", []string{"the sink livechat-webhook is up to date"}},
		"sink switched off":  {sinkFile, "filter: ", "disabled: True\nfilter: ", []string{"webhooks are stored nowhere", "not while the sink is edited by hand"}},
		"destination":        {sinkFile, "/buckets/livechat-webhook", "/buckets/mine", []string{"the sink livechat-webhook was edited by hand"}},
		"exclusion disabled": {exclusion, "|LiveChat", "True|LiveChat", []string{"the exclusion livechat-webhook was edited by hand"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := keepingMachine(t)
			whole := m.routing(t)
			m.edit(t, test.file, test.old, test.with)
			edited := m.routing(t)
			says(t, m.deploy(t, "--keep", "365"), append(test.says, "Nothing had to be changed.")...)
			if !maps.Equal(m.routing(t), edited) {
				t.Errorf("became %v", m.routing(t))
			}
			m.deploy(t, "--keep", "365", "--discard-edits")
			if !maps.Equal(m.routing(t), whole) {
				t.Errorf("--discard-edits keeps %v", m.routing(t))
			}
		})
	}
}

// TestChannelsOfAnAddressAreNotDoubled: one that was attached by hand is
// enough, whichever of its namesakes it is.
func TestChannelsOfAnAddressAreNotDoubled(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.deploy(t)
	write(t, m.state+"/channels/900", "Me@Example.com\n", 0o666)
	write(t, m.state+"/channels/901", "me@example.com\n", 0o666)
	silence := ""
	for name, text := range m.files(t) {
		if strings.HasPrefix(name, "policies/") && strings.Contains(text, "livechat-webhook_silence") {
			silence = strings.TrimPrefix(name, "policies/")
		}
	}
	write(t, m.state+"/notified/"+silence, "projects/channels/901\n", 0o666)
	m.deploy(t, "--notify", "me@example.com", "--notify", "ME@example.com", "--notify", "you@example.com")
	files := m.files(t)
	if count(files, "channels/") != 3 || count(files, "notified/") != 3 {
		t.Fatalf("channels: %v", files)
	}
	for name, text := range files {
		if id, ok := strings.CutPrefix(name, "notified/"); ok {
			if mine := "projects/channels/" + map[bool]string{true: "901", false: "900"}[id == silence] + ";"; strings.Count(text, ";") != 1 || !strings.HasPrefix(text, mine) {
				t.Errorf("%s notifies %q", id, text)
			}
		}
	}
}
