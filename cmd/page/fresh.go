package page

import (
	"crypto/rand"
	"regexp"
	"strconv"
	"time"

	"example.com/livechat-webhook/payload"
)

// freshen returns bodies of one chat as if it began at a time: with ids that
// were never used, and with its times moved to then and speed times faster.
// All that is not an id of a chat, thread or event and not a time stays, byte
// by byte.
func freshen(bodies [][]byte, began, now time.Time, speed float64) [][]byte {
	fresh := map[string]string{}
	for _, body := range bodies {
		for _, id := range idsIn(body) {
			if fresh[id] == "" {
				fresh[id] = randomID(len(id))
			}
		}
	}
	move := func(t time.Time) time.Time {
		since := t.Sub(began)
		if since > 0 {
			since = time.Duration(float64(since) / speed)
		}
		return now.Add(since)
	}
	moved := make([][]byte, len(bodies))
	for i, body := range bodies {
		moved[i] = moveTimes(replaceIDs(body, fresh), move)
	}
	return moved
}

var (
	// idMember finds ids by the names of their members.
	idMember = regexp.MustCompile(`"(?:chat_id|thread_id|event_id|previous_id|previous_thread_id)"\s*:\s*"([A-Z0-9]{4,20})`)
	// idValue finds what may be an id: that of an event is the thread's, and a
	// number.
	idValue = regexp.MustCompile(`"([A-Z0-9]{4,20})((?:_[0-9]+)?")`)
	idStart = regexp.MustCompile(`^[A-Z0-9]{4,20}`)
)

// idsIn returns the ids of chats and threads that a body is about.
func idsIn(body []byte) []string {
	var ids []string
	for _, m := range idMember.FindAllSubmatch(body, -1) {
		ids = append(ids, string(m[1]))
	}
	if w, err := payload.Parse(body); err == nil {
		for _, id := range []string{w.ChatID, w.ThreadID, w.EventID} {
			if start := idStart.FindString(id); start != "" {
				ids = append(ids, start)
			}
		}
	}
	return ids
}

func replaceIDs(body []byte, fresh map[string]string) []byte {
	return idValue.ReplaceAllFunc(body, func(value []byte) []byte {
		m := idValue.FindSubmatch(value)
		id := fresh[string(m[1])]
		if id == "" {
			return value
		}
		return []byte(`"` + id + string(m[2]))
	})
}

// randomID returns an id as LiveChat makes them.
func randomID(length int) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	b := make([]byte, length)
	rand.Read(b)
	for i := range b {
		b[i] = letters[int(b[i])%len(letters)]
	}
	return string(b)
}

var (
	// clockText is a time in RFC 3339, with its fraction and zone.
	clockText = regexp.MustCompile(`"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)"`)
	// clockNumber is a time in seconds or microseconds since 1970.
	clockNumber = regexp.MustCompile(`([:\[,]\s*)(1[2-9]\d{8}|1[2-9]\d{14})(\.\d+)?\b`)
)

// moveTimes moves every time in a body, in the form that it has.
func moveTimes(body []byte, move func(time.Time) time.Time) []byte {
	body = clockText.ReplaceAllFunc(body, func(text []byte) []byte {
		m := clockText.FindSubmatch(text)
		t, err := time.Parse(time.RFC3339Nano, string(text[1:len(text)-1]))
		if err != nil {
			return text
		}
		layout := "2006-01-02T15:04:05"
		if digits := len(m[2]); digits > 0 {
			layout += ".000000000"[:digits]
		}
		return []byte(`"` + move(t).UTC().Format(layout+"Z07:00") + `"`)
	})
	return clockNumber.ReplaceAllFunc(body, func(text []byte) []byte {
		m := clockNumber.FindSubmatch(text)
		n, err := strconv.ParseInt(string(m[2]), 10, 64)
		if err != nil {
			return text
		}
		moved := time.Unix(n, 0)
		if len(m[2]) > 10 {
			moved = time.UnixMicro(n)
		}
		moved = move(moved)
		n = moved.Unix()
		if len(m[2]) > 10 {
			n = moved.UnixMicro()
		}
		return append(append(append([]byte(nil), m[1]...), strconv.FormatInt(n, 10)...), m[3]...)
	})
}

// lastTime returns the latest time in a body, which is about when it was sent.
func lastTime(body []byte) time.Time {
	var last time.Time
	moveTimes(body, func(t time.Time) time.Time {
		if t.After(last) {
			last = t
		}
		return t
	})
	return last
}
