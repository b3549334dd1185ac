package page

import (
	"net/http"
	"strings"
	"testing"
)

// TestReasons: why something was refused, in words.
func TestReasons(t *testing.T) {
	one, two := start(t, secret, ""), start(t, secret+" "+other, "")
	tests := []struct {
		run        *run
		body, auth string
		status     int
		reason     string
	}{
		{one, "{}", "", 401, "No secret: secret_key, token and HTTP Basic are empty."},
		{one, `{"secret_key":"ninechars"}`, "", 401, "secret_key, 9 characters, equals not your secret."},
		{two, `{"secret_key":"ninechars"}`, "", 401, "secret_key, 9 characters, equals none of your 2 secrets."},
		{two, `{"token":"äöü"}`, basic("four"), 401, "token, 3 characters, equals none of your 2 secrets; the password of HTTP Basic, 4 characters, equals none of your 2 secrets."},
		{one, "", "", 400, "The body is empty."},
		{one, "[]", "", 400, "The body is JSON, but not an object."},
		{one, "{\n  \"é\": x}", "", 400, "The body is not JSON: line 2, column 8: unexpected character looking for beginning of value."},
		{one, `{"a":1`, "", 400, "The body is not JSON: line 1, column 6: unexpected end of JSON input."},
		{one, `{"transaction":"t","type":"ENABLE"}`, basic(secret), 403, "An in-app upgrade request: answering it with 200 would accept a purchase. It is written to the log."},
		{one, strings.Repeat(" ", 5<<20), "", 413, "The body has more than 4194304 bytes, 4 MiB."},
		{one, message("Hello"), "", 200, ""},
	}
	for _, test := range tests {
		var headers []string
		if test.auth != "" {
			headers = []string{"Authorization", "Basic " + test.auth}
		}
		w := test.run.send(t, test.body, headers...)
		if w.Status != test.status || w.Reason != test.reason {
			t.Errorf("%.50q: %d %s, want %d %s", test.body, w.Status, w.Reason, test.status, test.reason)
		}
	}
	last := one.store.here().number + 1
	resp, err := http.Get(one.function.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	one.until(t, "a GET", func() bool { return one.store.Get(last) != nil })
	if w := one.store.Get(last); w.Reason != "The method is GET. LiveChat sends POST." {
		t.Errorf("GET: %s", w.Reason)
	}
}
