// Package secrets tells whether a webhook is LiveChat's. LiveChat does not
// sign: the only proof is a secret that it repeats, in the body or by HTTP
// Basic.
package secrets

import (
	"crypto/sha256"
	"crypto/subtle"
)

// Set is the secrets that are accepted, in the order in which the user gave
// them.
type Set struct{ sums [][sha256.Size]byte }

// New returns the Set of secrets.
func New(secrets []string) Set {
	var s Set
	for _, secret := range secrets {
		s.sums = append(s.sums, sha256.Sum256([]byte(secret)))
	}
	return s
}

// Match returns the number, from 1, of the secret that one of the offered
// strings equals, and 0 if none does. How long it takes depends on neither:
// hashes are compared, of equal length, and all of them.
func (s Set) Match(offered ...string) int {
	number := 0
	for _, o := range offered {
		if o == "" {
			continue
		}
		sum := sha256.Sum256([]byte(o))
		for i := range s.sums {
			equal := subtle.ConstantTimeCompare(sum[:], s.sums[i][:])
			number = subtle.ConstantTimeSelect(equal, i+1, number)
		}
	}
	return number
}
