package page

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// curl returns a shell command that sends the webhook, in any POSIX shell. It
// has no secret in it: the shell takes the first from LIVECHAT_SECRETS.
func (p *Page) curl(w *Webhook) string {
	var c strings.Builder
	body, data := p.Body(w), "@-"
	if len(body) <= maxShown {
		fmt.Fprintf(&c, "printf %s | ", printf(body))
	} else {
		data = "@" + fixtureName(w)
		fmt.Fprintf(&c, "# save the body as %s first\n", fixtureName(w))
	}
	c.WriteString("curl -w '\\n'")
	if w.Method != "POST" {
		c.WriteString(" -X " + shellQuote(w.Method))
	}
	if len(p.config.Secrets) > 0 {
		c.WriteString(` -u "livechat:${LIVECHAT_SECRETS%%[,[:space:]]*}"`)
	}
	if t := w.Header.Get("Content-Type"); t != "" {
		c.WriteString(" -H " + shellQuote("Content-Type: "+p.maskString(t)))
	}
	c.WriteString(" --data-binary " + data + " " + shellQuote(p.function))
	return c.String()
}

// printf returns the arguments of printf(1) that make it print text. What a
// terminal might obey when it is pasted is an escape there.
func printf(text []byte) string {
	s := string(text)
	if !strings.ContainsFunc(s, obeyed) {
		return "%s " + shellQuote(s)
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\\':
			b.WriteString(`\\`)
		case obeyed(r):
			for _, c := range []byte(string(r)) {
				fmt.Fprintf(&b, `\0%03o`, c)
			}
		default:
			b.WriteRune(r)
		}
	}
	return "%b " + shellQuote(b.String())
}

// obeyed reports whether a terminal may do something at r.
func obeyed(r rune) bool {
	return r != '\n' && r != '\t' && unicode.In(r, unicode.Cc, unicode.Cf)
}

func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// query returns the query that finds the entry in Logs Explorer, nothing if it
// has none.
func (p *Page) query(w *Webhook) string {
	entries := w.Entries()
	if w.InsertID == "" || len(entries) == 0 {
		return ""
	}
	id := "insertId="
	switch {
	case entries[0].GetSplit() != nil:
		id = "split.uid="
	case entries[0].GetJsonPayload().GetFields()["split"] != nil: // of a copy on stdout
		id = "jsonPayload.split.uid="
	}
	at := entries[0].GetTimestamp().AsTime()
	return fmt.Sprintf("logName=%s\n%s%s\ntimestamp>=%q\ntimestamp<=%q",
		quote(entries[0].GetLogName()), id, quote(w.InsertID),
		at.Add(-time.Second).UTC().Format(time.RFC3339), at.Add(time.Second).UTC().Format(time.RFC3339))
}
