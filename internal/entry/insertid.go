package entry

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
)

// idKey is the key of the hash that identifies a delivery, nil if there is none.
type idKey []byte

// newIDKey derives a key from a secret. The secret itself is long-lived and
// used elsewhere, so it is not used as the key.
func newIDKey(secret string) idKey {
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, "livechat-webhook insertId", sha256.Size)
	if err != nil {
		panic(err) // only for a length that hkdf cannot give
	}
	return key
}

// insertID returns 32 hex digits that identify the body: the same body has the
// same ones, two different bodies never. It covers what will be redacted, so
// that two webhooks that differ only there stay apart in the log, and it is
// keyed, so that a reader of the log cannot test guesses about it.
func (k idKey) insertID(body []byte) string {
	var sum []byte
	if k == nil {
		plain := sha256.Sum256(body)
		sum = plain[:]
	} else {
		mac := hmac.New(sha256.New, k)
		mac.Write(body)
		sum = mac.Sum(nil)
	}
	return hex.EncodeToString(sum[:16])
}
