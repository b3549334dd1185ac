package redact

import (
	"bytes"
	"encoding/json"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	_ "example.com/livechat-webhook/internal/golden"
)

var (
	rules = Rules{
		Members: map[string]bool{"email": true, "na\"me": true, "visitor.ip": true, "a.b.c": true},
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
		{"by a path", `{"chat":{"visitor":{"ip":1,"id":2}},"ip":3}`, `{"chat":{"visitor":{"ip":"[redacted]","id":2}},"ip":3}`, true},
		{"by a path through arrays", `{"visitor":[[{"ip":1}],{"ip":2}]}`, `{"visitor":[[{"ip":"[redacted]"}],{"ip":"[redacted]"}]}`, true},
		{"by a longer path", `{"a":{"b":{"c":1},"c":2},"b":{"c":3}}`, `{"a":{"b":{"c":"[redacted]"},"c":2},"b":{"c":3}}`, true},
		{"by a path with other names between", `{"visitor":{"x":{"ip":1}}}`, `{"visitor":{"x":{"ip":1}}}`, false},
		{"by the end of a name", `{"myvisitor":{"ip":1},"myemail":2}`, `{"myvisitor":{"ip":1},"myemail":2}`, false},
		{"by a name with a dot", `{"visitor.ip":1}`, `{"visitor.ip":"[redacted]"}`, true},
		{"by a path with escapes", `{"visi\u0074or":{"i\u0070":1}}`, `{"visi\u0074or":{"i\u0070":"[redacted]"}}`, true},
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
		{"as a number of another notation", `[1.2345678e7,1.2345678E+7,12345678.0,1234567800e-2,0.000012345678e12,123456.7800e2]`,
			`["[redacted]","[redacted]","[redacted]","[redacted]","[redacted]","[redacted]"]`, true},
		{"as a number of another notation alone", `[1.2345678e7]`, `["[redacted]"]`, true},
		{"as another number", `[1.2345678e8,-1.2345678e7,1.2345679e7,0,-0.0,1e99999999999999999999]`, `[1.2345678e8,-1.2345678e7,1.2345679e7,0,-0.0,1e99999999999999999999]`, false},
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

// TestStrings is about JSON inside strings.
func TestStrings(t *testing.T) {
	for _, test := range []test{
		{"object", `{"details":"{\"email\" : \"x\", \"é\":[1.0]}"}`, `{"details":"{\"email\" : \"[redacted]\", \"é\":[1.0]}"}`, true},
		{"array", `["[{\"email\":1}]"]`, `["[{\"email\":\"[redacted]\"}]"]`, true},
		{"several values", `["{\"email\":1}\n{\"email\":2}"]`, `["{\"email\":\"[redacted]\"}\n{\"email\":\"[redacted]\"}"]`, true},
		{"white space in front", `["\n\u0020{\"email\":1}"]`, `["\n {\"email\":\"[redacted]\"}"]`, true},
		{"a secret by two escapes", `["{\"a\":\"s3\\u0063ret\"}"]`, `["{\"a\":\"[redacted]\"}"]`, true},
		{"a secret as a number", `["{\"a\":1.2345678e7}"]`, `["{\"a\":\"[redacted]\"}"]`, true},
		{"a string", `["\"s3\\u0063ret\""]`, `["\"[redacted]\""]`, true},
		{"a string in a string", `["{\"json\":\"[{\\\"email\\\":1}]\"}"]`, `["{\"json\":\"[{\\\"email\\\":\\\"[redacted]\\\"}]\"}"]`, true},
		{"a path into it", `{"visitor":"{\"ip\":1}"}`, `{"visitor":"{\"ip\":\"[redacted]\"}"}`, true},
		{"a path through two", `{"a":"{\"b\":\"{\\\"c\\\":1}\"}"}`, `{"a":"{\"b\":\"{\\\"c\\\":\\\"[redacted]\\\"}\"}"}`, true},
		{"nothing to redact", `["{\"a\":\"\u0078\"}", "[]", "{}", "\"\""]`, `["{\"a\":\"\u0078\"}", "[]", "{}", "\"\""]`, false},
		{"not JSON", `["{email}", "[redacted]", "{\"a\":", "[1", "{\"email\":1}}", "", " "]`, `["{email}", "[redacted]", "{\"a\":", "[1", "{\"email\":1}}", "", " "]`, false},
		{"not JSON but a secret", `["{s3cret}", "[s3cret"]`, `["{[redacted]}", "[[redacted]"]`, true},
		{"as a name", `{"{\"email\":1}":2}`, `{"{\"email\":\"[redacted]\"}":2}`, true},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, rules) })
	}
}

// TestStringsNestedTooDeep: what is not looked into is redacted as a whole.
// TestStringOfJSONTooDeepToReadRedactedWhole: another reader may read it.
func TestStringOfJSONTooDeepToReadRedactedWhole(t *testing.T) {
	deep := strings.Repeat("[", maxLevels+1) + `{"email":"private"}` + strings.Repeat("]", maxLevels+1)
	quoted, err := json.Marshal(map[string]string{"details": deep})
	if err != nil {
		t.Fatal(err)
	}
	text, _, err := rules.Text(quoted)
	if err != nil || string(text) != `{"details":"[redacted]"}` {
		t.Errorf("%.80s, %v", text, err)
	}
}

func TestStringsNestedTooDeep(t *testing.T) {
	for _, depth := range []int{maxNesting, maxNesting + 1, 3 * maxNesting} {
		body := `{"email":1}`
		for range depth {
			quoted, _ := json.Marshal(body)
			body = `[` + string(quoted) + `]`
		}
		text, _, err := rules.Text([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		for range maxNesting {
			var inner []string
			if err := json.Unmarshal(text, &inner); err != nil {
				t.Fatalf("%d: %v in %s", depth, err, text)
			}
			text = []byte(inner[0])
		}
		want := `{"email":"[redacted]"}`
		if depth > maxNesting {
			want = `["[redacted]"]`
		}
		if string(text) != want {
			t.Errorf("%d strings: %s, want %s", depth, text, want)
		}
	}
}

// TestSecretsThatShareText: no part of a secret is left because another one was
// redacted first.
func TestSecretsThatShareText(t *testing.T) {
	for _, secrets := range [][]string{
		{"abcdef", "abc"}, {"abc", "abcdef"}, {"abcd", "cdef"}, {"cdef", "abcd"}, {"bcde", "abcdef"}, {"abcd", "bc", "def"}, {"", "abcdef"},
	} {
		got, found, err := Rules{Secrets: secrets}.Text([]byte(`["-abcdef-"]`))
		if err != nil || string(got) != `["-[redacted]-"]` || !found {
			t.Errorf("%q: %s, found %t, %v", secrets, got, found, err)
		}
	}
}

func TestCheckMember(t *testing.T) {
	for _, name := range []string{"email", "visitor.email", "chat_id", "Straße", "a-b:c"} {
		if err := CheckMember(name); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"", ".", ".email", "email.", "a..b", "$.email", "/visitor/email", "users[0].email", "users.*.email", `"email"`, "email;ip", "email|ip"} {
		if CheckMember(name) == nil {
			t.Errorf("%q is accepted", name)
		}
	}
}

func TestCheckSecret(t *testing.T) {
	if err := CheckSecret("f3a1c6b09d2e47f8"); err != nil {
		t.Error(err)
	}
	for _, secret := range []string{"redacted", Mark} {
		if CheckSecret(secret) == nil {
			t.Errorf("%q is accepted", secret)
		}
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
	f.Add([]byte(`{"visitor":{"ip":1},"n":[1.2345678e7,0.12345678e+8],"a":{"b":"{\"c\":{},\"d\":\"[{\\\"email\\\":1}]\"}"}}`))
	f.Add([]byte(`["{\"email\":1} [1.2345678e7]", "\"s3\\u0063ret\"", "{\"visitor\":[{\"ip\":\"\ud83d\"}]}", "[redacted]"]`))
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
		if !json.Valid(body) {
			return // it must only not panic
		}
		for _, r := range []Rules{rules, secretsOnly} {
			text, found, err := r.Text(body)
			if err != nil {
				t.Fatalf("refused: %v", err)
			}
			if !utf8.Valid(text) {
				t.Error("not valid UTF-8")
			}
			if !json.Valid(text) {
				t.Fatalf("no longer JSON: %s", text)
			}
			check(t, text, "", r, 0)
			if rest(t, body, text); !found && string(text) != string([]rune(string(body))) {
				t.Errorf("changed though nothing is found:\n%s\n%s", body, text)
			}
			again, _, err := r.Text(text)
			if err != nil || string(again) != string(text) {
				t.Errorf("a second time it changes again (%v):\n%s\n%s", err, text, again)
			}
		}
	})
}

// check looks for what should be gone from JSON text, where path leads to it.
// It decodes with encoding/json, which redact does not.
func check(t *testing.T, text []byte, path string, r Rules, nesting int) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	for {
		var v any
		if err := d.Decode(&v); err != nil {
			return
		}
		checkValue(t, v, path, r, nesting)
	}
}

func checkValue(t *testing.T, v any, path string, r Rules, nesting int) {
	t.Helper()
	says := func(s string) {
		for _, secret := range r.Secrets {
			if strings.Contains(s, secret) {
				t.Errorf("%q holds a secret", s)
			}
		}
		var first json.RawMessage
		if d := json.NewDecoder(strings.NewReader(s)); d.Decode(&first) == nil && strings.ContainsRune(`{["`, rune(first[0])) {
			if stream(s) {
				if nesting == maxNesting {
					t.Errorf("%q is nested too deep to be left", s)
				}
				check(t, []byte(s), path, r, nesting+1)
			}
		}
	}
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			says(name)
			inner := path + "." + name
			if value == Mark {
				continue
			}
			for m := range r.Members {
				if name == m || strings.Contains(m, ".") && strings.HasSuffix(inner, "."+m) {
					t.Errorf("%s is %v", inner, value)
				}
			}
			checkValue(t, value, inner, r, nesting)
		}
	case []any:
		for _, value := range v {
			checkValue(t, value, path, r, nesting)
		}
	case string:
		says(v)
	case json.Number:
		says(string(v))
		if n, ok := new(big.Rat).SetString(string(v)); ok && len(v) < 30 && len(r.Secrets) > 0 && n.RatString() == "12345678" {
			t.Errorf("%s is a secret", v)
		}
	}
}

// stream reports whether s is JSON values and nothing else.
func stream(s string) bool {
	d := json.NewDecoder(strings.NewReader(s))
	for {
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			return err == io.EOF
		}
	}
}

// mark is where something was redacted, in strings within strings too.
var mark = regexp.MustCompile(`(\\*")?\[redacted\](\\*")?`)

// rest checks that text is body but for the marks: what is between them is in
// body, in that order, from its start to its end.
func rest(t *testing.T, body, text []byte) {
	t.Helper()
	whole := plain(t, body)
	left := whole
	pieces := mark.Split(plain(t, text), -1)
	for i, piece := range pieces {
		at := strings.Index(left, piece)
		if at < 0 || i == 0 && at > 0 {
			t.Fatalf("%q is not what is left of %q", text, whole)
		}
		left = left[at+len(piece):]
	}
	if !strings.HasSuffix(whole, pieces[len(pieces)-1]) {
		t.Errorf("%q does not end as %q", text, whole)
	}
}

// plain returns JSON text with each string quoted in the same way.
func plain(t *testing.T, text []byte) string {
	t.Helper()
	var buf bytes.Buffer
	d, e := jsontext.NewDecoder(bytes.NewReader(text), lenient), jsontext.NewEncoder(&buf, lenient)
	for {
		token, err := d.ReadToken()
		if err == io.EOF {
			return buf.String()
		}
		if err == nil {
			err = e.WriteToken(token)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func BenchmarkText(b *testing.B) {
	body, err := os.ReadFile("../../testdata/v2/chat_ended.json")
	if err != nil {
		b.Fatal(err)
	}
	const secret = "f3a1c6b09d2e47f8a5b1c4d7e6f80912"
	nested := "x"
	for range 2 * maxNesting {
		quoted, _ := json.Marshal(nested)
		nested = `[` + string(quoted) + `]`
	}
	for _, bench := range []struct {
		name string
		Rules
		body []byte
	}{
		{"secrets", Rules{Secrets: []string{secret}}, body},
		{"number", Rules{Secrets: []string{"12345678"}}, body},
		{"members", Rules{Members: map[string]bool{"email": true, "name": true}, Secrets: []string{secret}}, body},
		{"paths", Rules{Members: map[string]bool{"visitor.email": true, "name": true}, Secrets: []string{secret}}, body},
		// The most that a body of 4 MiB can cost.
		{"plain 4 MiB", rules, []byte(`{"a":"` + strings.Repeat("x", 4<<20) + `"}`)},
		{"nested 4 MiB", rules, []byte(`[` + strings.Repeat(nested+",", (4<<20)/len(nested)) + `1]`)},
		{"padded 4 MiB", rules, []byte(strings.Replace(nested, "x", strings.Repeat("x", 4<<20), 1))},
		{"almost JSON 4 MiB", rules, []byte(`["[` + strings.Repeat("1,", 2<<20) + `"]`)},
		{"all redacted 4 MiB", rules, []byte(`[` + strings.Repeat(`{"email":1},`, (4<<20)/12) + `1]`)},
		{"secrets 4 MiB", rules, []byte(`["` + strings.Repeat(`s3cret`, (4<<20)/6) + `"]`)},
		{"deep 4 MiB", rules, []byte(strings.Repeat(`{"`+strings.Repeat("n", 400)+`":`, 9999) + "1" + strings.Repeat("}", 9999))},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.SetBytes(int64(len(bench.body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := bench.Text(bench.body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
