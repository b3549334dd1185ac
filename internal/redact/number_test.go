package redact

import "testing"

func TestSameNumber(t *testing.T) {
	for _, same := range [][]string{
		{"0", "-0", "0.0", "0e5", "000"},
		{"12345678", "12345678.0", "012345678", "1.2345678e7", "1.2345678E+07", "1234567800e-2", "0.0012345678e10"},
		{"-12345678", "-1.2345678e7"},
		{"1000000000", "1e9", "10.00e8", "0.1e10"},
		{"0.5", "5e-1", "500e-3"},
		{"123456789012345678901234567890", "1.2345678901234567890123456789e29"},
	} {
		want, _ := parseNumber(same[0])
		for _, text := range same {
			if n, ok := parseNumber(text); !ok || n != want {
				t.Errorf("%s is %+v, %t; %s is %+v", text, n, ok, same[0], want)
			}
		}
		if other, _ := parseNumber("7"); other == want {
			t.Errorf("%s is 7", same[0])
		}
	}
	for _, text := range []string{"", "-", ".", ".5", "e5", "1e", "1e1.5", "1.2.3", "1.x", "x.1", "0x10", "1_000", "+1", " 1", "1e99999999999999999999", "f791db42", "12345678e"} {
		if n, ok := parseNumber(text); ok {
			t.Errorf("%q is %+v", text, n)
		}
	}
}
