package redact

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	_ "example.com/livechat-webhook/internal/golden"
)

var (
	rules = Rules{
		Members: map[string]bool{"email": true, "na\"me": true},
		Secrets: []string{"s3cret", "12345678", `quo"ted`},
	}
	// secretsOnly are the rules where no personal data is redacted.
	secretsOnly = Rules{Secrets: []string{"s3cret", "12345678"}}
)

type test struct {
	name, body, want string
	found            bool
}

func (test test) run(t *testing.T, r Rules) {
	t.Helper()
	got, found, err := r.Text([]byte(test.body))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != test.want || found != test.found {
		t.Errorf("%s, found %t, want %s, %t", got, found, test.want, test.found)
	}
}

func TestMembers(t *testing.T) {
	for _, test := range []test{
		{"at any depth", `{"email":"x","a":[{"email":["y"]}]}`, `{"email":"[redacted]","a":[{"email":"[redacted]"}]}`, true},
		{"in another case", `{"Email":"x"}`, `{"Email":"x"}`, false},
		{"by escapes", `{"na\u0022me":"x"}`, `{"na\u0022me":"[redacted]"}`, true},
		{"within a redacted one", `{"email":{"email":"x"}}`, `{"email":"[redacted]"}`, true},
		{"of any type", `{"email":{"a":[1]}, "b":1}`, `{"email":"[redacted]", "b":1}`, true},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, rules) })
	}
}

func TestSecrets(t *testing.T) {
	for _, test := range []test{
		{"none", `{"a" : [1, {"b":null}] }`, `{"a" : [1, {"b":null}] }`, false},
		{"none but escapes", `{"a":"\"\n\u0061"}`, `{"a":"\"\n\u0061"}`, false},
		{"nested", `{"a":{"b":"s3cret"}}`, `{"a":{"b":"[redacted]"}}`, true},
		{"within a text", `{"a":"Bearer s3cret, s3cret"}`, `{"a":"Bearer [redacted], [redacted]"}`, true},
		{"by escapes", `{"a":"s3\u0063ret"}`, `{"a":"[redacted]"}`, true},
		{"as a number", `{"a":123456789}`, `{"a":"[redacted]"}`, true},
		{"as a name", `{"s3cret":1}`, `{"[redacted]":1}`, true},
		{"in invalid UTF-8", "{\"a\":\"s3cret\xff\"}", "{\"a\":\"[redacted]\uFFFD\"}", true},
		{"none in invalid UTF-8", "{\"a\":\"\xff\"}", "{\"a\":\"\uFFFD\"}", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.run(t, rules)
			test.run(t, secretsOnly)
		})
	}
}

// TestSecretsWrittenOtherwise is about those that hide without \u.
func TestSecretsWrittenOtherwise(t *testing.T) {
	for _, test := range []struct{ secret, body string }{
		{`quo"ted`, `{"a":"quo\"ted"}`},
		{`s/r`, `{"a":"s\/r"}`},
		{`back\slash`, `{"a":"back\\slash"}`},
		{"line\nbreak", `{"a":"line\nbreak"}`},
		{"abc\uFFFD\uFFFDdef", "{\"a\":\"abc\xff\xffdef\"}"},
	} {
		t.Run(test.secret, func(t *testing.T) {
			got, found, err := Rules{Secrets: []string{test.secret}}.Text([]byte(test.body))
			if err != nil || string(got) != `{"a":"[redacted]"}` || !found {
				t.Errorf("%s, found %t, %v", got, found, err)
			}
		})
	}
}

func TestBodyLeftAsItIs(t *testing.T) {
	body := []byte("{\"email\":\"x\",\"a\":\"s3cret\xff\"}")
	before := string(body)
	if _, _, err := rules.Text(body); err != nil || string(body) != before {
		t.Errorf("%q, %v", body, err)
	}
}

func TestNotJSONRefusedWithoutQuotingIt(t *testing.T) {
	for _, body := range []string{``, `{`, `{"s3cret"}`, `{"a":s3cret}`, `["s3cret"`} {
		_, _, err := rules.Text([]byte(body))
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: error %v", body, err)
		}
	}
}

// FuzzText checks that what rules name is gone and the rest is what it was.
func FuzzText(f *testing.F) {
	f.Add([]byte(`{"x":"s3cret","a":[{"email":"x","b":"s3\u0063ret","c":12345678.5}],"s3cret":"` + "\xff" + `"}`))
	bodies, err := filepath.Glob("../../testdata/*/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range bodies {
		body, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var want any
		if json.Unmarshal(body, &want) != nil {
			return // it must only not panic
		}
		for _, r := range []Rules{rules, secretsOnly} {
			text, _, err := r.Text(body)
			if err != nil {
				t.Fatalf("refused: %v", err)
			}
			if !utf8.Valid(text) {
				t.Error("not valid UTF-8")
			}
			var got any
			if err := json.Unmarshal(text, &got); err != nil {
				t.Fatalf("no longer JSON: %v", err)
			}
			check(t, got, r)
			again, _, err := r.Text(text)
			if err != nil || string(again) != string(text) {
				t.Errorf("a second time it changes again (%v):\n%s\n%s", err, text, again)
			}
		}
	})
}

// check looks for what should be gone.
func check(t *testing.T, v any, rules Rules) {
	t.Helper()
	text := func(s string) {
		for _, secret := range rules.Secrets {
			if strings.Contains(s, secret) {
				t.Errorf("%q holds a secret", s)
			}
		}
	}
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			text(name)
			if rules.Members[name] && value != Mark {
				t.Errorf("%q is %v", name, value)
			}
			check(t, value, rules)
		}
	case []any:
		for _, value := range v {
			check(t, value, rules)
		}
	case string:
		text(v)
	}
}

func BenchmarkText(b *testing.B) {
	body, err := os.ReadFile("../../testdata/v2/chat_ended.json")
	if err != nil {
		b.Fatal(err)
	}
	for _, bench := range []struct {
		name string
		Rules
	}{{"secrets", secretsOnly}, {"members", rules}} {
		b.Run(bench.name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := bench.Text(body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
