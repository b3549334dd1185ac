package structwire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"

	_ "example.com/livechat-webhook/internal/golden"
)

// parse returns the value that text becomes, read back from the wire.
func parse(t testing.TB, text string) *structpb.Value {
	t.Helper()
	wire, err := AppendJSON(nil, "member", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	s := new(structpb.Struct)
	if err := proto.Unmarshal(wire, s); err != nil {
		t.Fatal(err)
	}
	return s.GetFields()["member"]
}

func TestNotJSONRefusedWithoutQuotingIt(t *testing.T) {
	for _, text := range []string{``, `{`, `{"a"}`, `{"a":1,}`, `[1 2]`, `"secret`, `secret`, "\"a\nb\""} {
		dst, err := AppendJSON([]byte("kept"), "member", []byte(text))
		if err == nil {
			t.Errorf("%s: no error", text)
			continue
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error quotes it: %v", text, err)
		}
		if string(dst) != "kept" {
			t.Errorf("%s: half a member appended", text)
		}
	}
}

func TestNumbers(t *testing.T) {
	tests := []struct{ text, want string }{
		{"9007199254740992", "number"},
		{"9007199254740993", "string"},
		{"9007199254740994", "string"}, // has a double, but its neighbours have not
		{"-9007199254740992", "number"},
		{"-9007199254740993", "string"},
		{"12345678901234567890", "string"},
		{"1e400", "string"},
		{"-1e400", "string"},
		{"1e-400", "string"},
		{"4.9e-324", "string"}, // the shortest form of that double is 5e-324
		{"5e-324", "number"},
		{"0.1", "number"},
		{"0.10", "number"},
		{"0.1000000000000000055511151231257827", "string"},
		{"3.141592653589793", "number"},
		{"3.14159265358979312", "string"},
		{"1E+2", "number"},
		{"100e-2", "number"},
		{"1e22", "number"},
		{"0.000000000000000000001", "number"},
		{"1.7976931348623157e308", "number"},
		{"1.7976931348623159e308", "string"},
		{"0", "number"},
		{"-0", "number"},
		{"0e999", "number"},
		{"0.0e-5", "number"},
		{"0e99999999999999999999", "string"},
	}
	for _, test := range tests {
		v := parse(t, test.text)
		switch v.GetKind().(type) {
		case *structpb.Value_NumberValue:
			f, err := strconv.ParseFloat(test.text, 64)
			if test.want != "number" || err != nil || v.GetNumberValue() != f {
				t.Errorf("%s: the number %v", test.text, v.GetNumberValue())
			}
		case *structpb.Value_StringValue:
			if test.want != "string" || v.GetStringValue() != test.text {
				t.Errorf("%s: the string %q", test.text, v.GetStringValue())
			}
		}
	}
}

func TestDepth(t *testing.T) {
	for _, test := range []struct{ open, close string }{{`{"a":`, "}"}, {"[", "]"}} {
		for _, levels := range []int{MaxDepth - 1, MaxDepth, MaxDepth + 1, 9000} {
			v := parse(t, strings.Repeat(test.open, levels)+"1"+strings.Repeat(test.close, levels))
			got := 0
			for {
				if s := v.GetStructValue(); s != nil {
					v = s.GetFields()["a"]
				} else if l := v.GetListValue(); l != nil {
					v = l.GetValues()[0]
				} else {
					break
				}
				got++
			}
			want := structpb.NewNumberValue(1)
			if below := levels - MaxDepth; below > 0 {
				want = structpb.NewStringValue(strings.Repeat(test.open, below) + "1" + strings.Repeat(test.close, below))
			}
			if got != min(levels, MaxDepth) || !proto.Equal(v, want) {
				t.Errorf("%d levels of %s became %d above %.30v", levels, test.open, got, v)
			}
		}
	}
}

func TestTextBecomesValidUTF8(t *testing.T) {
	for text, want := range map[string]string{
		"\"a\xffb\"":          "a\uFFFDb",
		`"\ud800"`:            "\uFFFD",
		`"\ud83d\ude00"`:      "😀",
		`"\u0000\n\"\\\/"`:    "\x00\n\"\\/",
		"\"\xed\xa0\x80\"":    "\uFFFD\uFFFD\uFFFD",
		`"zażółć"`:            "zażółć",
		`"` + long(130) + `"`: long(130),
	} {
		if got := parse(t, text).GetStringValue(); got != want {
			t.Errorf("%s became %q, want %q", text, got, want)
		}
	}
}

// long is a text whose length takes more than a byte of varint.
func long(n int) string { return strings.Repeat("x", n) }

func TestLengthsOfEverySize(t *testing.T) {
	for _, n := range []int{0, 1, 100, 126, 127, 128, 129, 16382, 16383, 16384, 16385, 300_000} {
		text := fmt.Sprintf(`{"%s":[{"b":"%s"}],"c":true}`, long(n), long(n))
		want := structpb.NewStructValue(&structpb.Struct{Fields: map[string]*structpb.Value{
			long(n): structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{
				structpb.NewStructValue(&structpb.Struct{Fields: map[string]*structpb.Value{"b": structpb.NewStringValue(long(n))}}),
			}}),
			"c": structpb.NewBoolValue(true),
		}})
		if !proto.Equal(parse(t, text), want) {
			t.Errorf("%d: another value", n)
		}
	}
}

func TestMembersOfAllKinds(t *testing.T) {
	fields := AppendString(nil, "message", long(200))
	fields = AppendNumber(fields, "seconds", 1.5)
	fields, err := AppendJSON(fields, "webhook", []byte(` {"a":1} `))
	if err != nil {
		t.Fatal(err)
	}
	got := new(structpb.Struct)
	if err := proto.Unmarshal(fields, got); err != nil {
		t.Fatal(err)
	}
	want, err := structpb.NewStruct(map[string]any{"message": long(200), "seconds": 1.5, "webhook": map[string]any{"a": 1}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(fields) != proto.Size(got) {
		t.Errorf("%d bytes, where protobuf itself takes %d", len(fields), proto.Size(got))
	}
}

// FuzzAgainstStructpb compares with the long way: encoding/json, then
// structpb.
func FuzzAgainstStructpb(f *testing.F) {
	for _, text := range []string{
		`null`, `true`, `false`, `""`, `[]`, `{}`, `-0`, `1e-7`, `123456789012345678`, `0.30000000000000004`, `1e23`,
		`{"a":1,"a":{"b":2},"":[null,[],{}]}`, `{"\u0061":1,"a":2}`, `["\ud800\udc00","\udc00"]`, "[\"\xff\"]", `{"a":`, `1 2`,
	} {
		f.Add([]byte(text))
	}
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
	f.Fuzz(func(t *testing.T, text []byte) {
		want, ok := theLongWay(text)
		wire, err := AppendJSON(nil, "m", text)
		if !ok {
			return // not JSON, or not comparable; it must only not panic
		}
		if err != nil {
			t.Fatalf("refused: %v", err)
		}
		got := new(structpb.Struct)
		if err := proto.Unmarshal(wire, got); err != nil {
			t.Fatalf("not the wire form of a Struct: %v", err)
		}
		if diff := cmp.Diff(want, got.GetFields()["m"], protocmp.Transform()); diff != "" {
			t.Errorf("(-structpb +wire):\n%s", diff)
		}
	})
}

// theLongWay returns the value that text should become.
func theLongWay(text []byte) (*structpb.Value, bool) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil || depth(v) > MaxDepth {
		return nil, false
	}
	value, err := structpb.NewValue(exact(v))
	return value, err == nil
}

func depth(v any) int {
	deepest := 0
	switch v := v.(type) {
	case map[string]any:
		for _, e := range v {
			deepest = max(deepest, depth(e))
		}
	case []any:
		for _, e := range v {
			deepest = max(deepest, depth(e))
		}
	default:
		return 0
	}
	return deepest + 1
}

// exact replaces the numbers in v by doubles or, where those are others, by
// strings.
func exact(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, e := range v {
			v[name] = exact(e)
		}
	case []any:
		for i, e := range v {
			v[i] = exact(e)
		}
	case json.Number:
		f, err := v.Float64()
		if err != nil || !sameNumber(v.String(), f) {
			return v.String()
		}
		return f
	}
	return v
}

// sameNumber compares exactly, by fractions, unless the exponent is so large
// that a fraction would not fit the memory; then no double is the same.
func sameNumber(text string, f float64) bool {
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		if e, err := strconv.Atoi(text[i+1:]); err != nil || e > 5000 || e < -5000 {
			mantissa, ok := new(big.Rat).SetString(text[:i])
			return err == nil && ok && mantissa.Sign() == 0
		}
	}
	a, ok := new(big.Rat).SetString(text)
	b, ok2 := new(big.Rat).SetString(strconv.FormatFloat(f, 'e', -1, 64))
	if !ok || !ok2 || a.Cmp(b) != 0 {
		return false
	}
	limit := new(big.Rat).SetInt64(1 << 53)
	return strings.ContainsAny(text, ".eE") || new(big.Rat).Abs(a).Cmp(limit) <= 0
}

func TestValidUTF8Whatever(t *testing.T) {
	v := parse(t, strings.Repeat("[", 40)+"\"\xff\xfe\""+strings.Repeat("]", 40))
	for v.GetListValue() != nil {
		v = v.GetListValue().GetValues()[0]
	}
	if !utf8.ValidString(v.GetStringValue()) || !strings.Contains(v.GetStringValue(), "\uFFFD") {
		t.Errorf("deep text is %q", v.GetStringValue())
	}
}

// The same work by AppendJSON and by the way that a caller of logging.Logger
// takes.
func BenchmarkAppendJSON(b *testing.B) {
	body := benchmarkBody(b)
	buf := make([]byte, 0, 2*len(body))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := AppendJSON(buf, "webhook", body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStructpb(b *testing.B) {
	body := benchmarkBody(b)
	b.ReportAllocs()
	for b.Loop() {
		var m map[string]any
		if err := json.Unmarshal(body, &m); err != nil {
			b.Fatal(err)
		}
		s, err := structpb.NewStruct(map[string]any{"webhook": m})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := proto.Marshal(s); err != nil {
			b.Fatal(err)
		}
	}
}

func benchmarkBody(b *testing.B) []byte {
	body, err := os.ReadFile("../../testdata/v2/chat_ended.json")
	if err != nil {
		b.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, body); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(compact.Len()))
	return compact.Bytes()
}
