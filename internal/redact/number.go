package redact

import (
	"strconv"
	"strings"
)

// number is the value of a decimal number, the same for each of its notations.
type number struct {
	negative bool
	digits   string // without zeros in front or behind, empty for 0
	exponent int    // the power of ten of the last digit
}

func isNumber(text string) bool {
	if strings.Trim(text, "0123456789+-.eE") != "" {
		return false // at once, as are nearly all secrets
	}
	_, ok := parseNumber(text)
	return ok
}

// parseNumber reads a decimal number in any notation of JSON. One with an
// exponent that is no int is not read: it is far longer than a secret.
func parseNumber(text string) (number, bool) {
	text, negative := strings.CutPrefix(text, "-")
	mantissa, power := text, ""
	if end := strings.IndexAny(text, "eE"); end >= 0 {
		mantissa, power = text[:end], text[end+1:]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	if whole == "" || strings.Trim(whole, "0123456789") != "" || strings.Trim(fraction, "0123456789") != "" {
		return number{}, false
	}
	exponent := 0
	if len(mantissa) < len(text) {
		var err error
		if exponent, err = strconv.Atoi(power); err != nil {
			return number{}, false
		}
	}
	digits := whole + fraction
	significant := strings.TrimRight(digits, "0")
	if strings.Trim(significant, "0") == "" {
		return number{}, true
	}
	return number{
		negative: negative,
		digits:   strings.TrimLeft(significant, "0"),
		exponent: exponent - len(fraction) + len(digits) - len(significant),
	}, true
}
