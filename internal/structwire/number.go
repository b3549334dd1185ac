package structwire

import (
	"bytes"
	"strconv"
)

// maxSafeInteger is the largest n for which a double holds n and every integer
// below it: Number.MAX_SAFE_INTEGER + 1 of ECMA-262, section 21.1.2.6.
const maxSafeInteger = 1 << 53

// exactNumber returns the double that the JSON number text stands for, and
// whether it still says the same: an integer only up to 2^53, where no other
// integer shares its double, anything else only if the shortest decimal form
// of the double is the same number again. Integers beyond 2^53 that happen to
// have a double of their own do not count, so that one id is a string whenever
// its neighbour is.
func exactNumber(text []byte) (float64, bool) {
	withExponent := bytes.ContainsAny(text, "eE")
	if withExponent && tooLarge(text) {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return 0, false
	}
	if len(text) <= 15 && !withExponent {
		return f, true // a double holds any 15 decimal digits
	}
	if !bytes.ContainsAny(text, ".eE") {
		return f, -maxSafeInteger <= f && f <= maxSafeInteger && strconv.FormatFloat(f, 'f', -1, 64) == string(text)
	}
	shortest := strconv.AppendFloat(nil, f, 'e', -1, 64)
	digits, exponent, ok := decimal(text)
	digits2, exponent2, _ := decimal(shortest)
	return f, ok && bytes.Equal(digits, digits2) && exponent == exponent2
}

// tooLarge reports whether the JSON number text is beyond any double.
// strconv.ParseFloat is slow to find that out: 250 KB of 9e308 took a second.
func tooLarge(text []byte) bool {
	digits, exponent, ok := decimal(text)
	return !ok || len(digits) > 0 && (exponent > 308 || exponent == 308 && string(digits) > "17976931348623157")
}

// decimal splits the JSON number text into its significant digits and the
// exponent of the first of them; zero has no digits. It is not ok if the
// exponent is out of any double's reach. The sign, which no conversion
// changes, is left out.
func decimal(text []byte) (digits []byte, exponent int, ok bool) {
	text = bytes.TrimPrefix(text, []byte("-"))
	mantissa := text
	if i := bytes.IndexAny(text, "eE"); i >= 0 {
		var err error
		mantissa = text[:i]
		if exponent, err = strconv.Atoi(string(text[i+1:])); err != nil {
			return nil, 0, false
		}
	}
	whole, fraction, _ := bytes.Cut(mantissa, []byte("."))
	digits = append(append(digits, whole...), fraction...)
	exponent += len(whole) - 1
	significant := bytes.TrimLeft(digits, "0")
	exponent -= len(digits) - len(significant)
	if significant = bytes.TrimRight(significant, "0"); len(significant) == 0 {
		return nil, 0, true
	}
	return significant, exponent, true
}
