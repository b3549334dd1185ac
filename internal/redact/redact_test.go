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

var rules = Rules{
	Members:    map[string]bool{"email": true, "na\"me": true},
	TopMembers: map[string]bool{"secret_key": true},
	Secrets:    []string{"s3cret", "12345678", `quo"ted`},
}

func TestText(t *testing.T) {
	tests := []struct {
		name, body, want string
		found            bool
	}{
		{"nothing", `{"a" : [1, {"b":null}] }`, `{"a" : [1, {"b":null}] }`, false},
		{"top member", `{"secret_key": "x", "a":1}`, `{"secret_key": "[redacted]", "a":1}`, false},
		{"top member repeated", `{"secret_key":"x","secret_key":"y"}`, `{"secret_key":"[redacted]","secret_key":"[redacted]"}`, false},
		{"top member by escapes", `{"secret\u005fkey":"x"}`, `{"secret\u005fkey":"[redacted]"}`, false},
		{"top member of any type", `{"secret_key":{"a":[1]}}`, `{"secret_key":"[redacted]"}`, false},
		{"top member below the top", `{"a":{"secret_key":"x"}}`, `{"a":{"secret_key":"x"}}`, false},
		{"member at any depth", `{"email":"x","a":[{"email":["y"]}]}`, `{"email":"[redacted]","a":[{"email":"[redacted]"}]}`, true},
		{"member in another case", `{"Email":"x"}`, `{"Email":"x"}`, false},
		{"member by escapes", `{"na\u0022me":"x"}`, `{"na\u0022me":"[redacted]"}`, true},
		{"member within a redacted one", `{"email":{"email":"x"}}`, `{"email":"[redacted]"}`, true},
		{"secret nested", `{"a":{"secret_key":"s3cret"}}`, `{"a":{"secret_key":"[redacted]"}}`, true},
		{"secret within a text", `{"a":"Bearer s3cret, s3cret"}`, `{"a":"Bearer [redacted], [redacted]"}`, true},
		{"secret by escapes", `{"a":"s3\u0063ret"}`, `{"a":"[redacted]"}`, true},
		{"secret as a number", `{"a":123456789}`, `{"a":"[redacted]"}`, true},
		{"secret as a name", `{"s3cret":1}`, `{"[redacted]":1}`, true},
		{"secret with a quote", `{"a":"quo\"ted\n"}`, `{"a":"[redacted]\n"}`, true},
		{"invalid UTF-8", "{\"a\":\"\xff\"}", "{\"a\":\"\uFFFD\"}", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before := strings.Clone(test.body)
			got, found, err := rules.Text([]byte(test.body))
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != test.want || found != test.found {
				t.Errorf("%s, found %t, want %s, %t", got, found, test.want, test.found)
			}
			if test.body != before {
				t.Error("the body was changed")
			}
		})
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
	f.Add([]byte(`{"secret_key":"s3cret","a":[{"email":"x","b":"s3\u0063ret","c":12345678.5}],"s3cret":"` + "\xff" + `"}`))
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
		text, _, err := rules.Text(body)
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
		check(t, got, true)
		again, _, err := rules.Text(text)
		if err != nil || string(again) != string(text) {
			t.Errorf("a second time it changes again (%v):\n%s\n%s", err, text, again)
		}
	})
}

// check looks for what should be gone.
func check(t *testing.T, v any, top bool) {
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
			if (rules.Members[name] || top && rules.TopMembers[name]) && value != Mark {
				t.Errorf("%q is %v", name, value)
			}
			check(t, value, false)
		}
	case []any:
		for _, value := range v {
			check(t, value, false)
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
	rules := Rules{TopMembers: map[string]bool{"secret_key": true, "token": true}, Secrets: []string{"an-old-secret", "f791db42"}}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := rules.Text(body); err != nil {
			b.Fatal(err)
		}
	}
}
