package livechattest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	_ "example.com/livechat-webhook/internal/golden"
)

// post calls a method and returns status and body.
func post(s *Server, path, body string, headers ...string) (int, string) {
	r := httptest.NewRequest(http.MethodPost, "/v3.6/configuration/action/"+path, strings.NewReader(body))
	r.SetBasicAuth("account", "token")
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	text, _ := io.ReadAll(w.Body)
	return w.Code, strings.TrimSpace(string(text))
}

const good = `{"url":"https://a.example.com","action":"incoming_chat","secret_key":"s","owner_client_id":"app","type":"license"}`

func TestRefusals(t *testing.T) {
	with := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	tests := []struct {
		name, method, body string
		headers            []string
		status             int
		kind               string
	}{
		{"unknown method", "list", good, nil, 404, "not_found"},
		{"wrong token", "register_webhook", good, []string{"Authorization", "Basic eA=="}, 401, "authentication"},
		{"another region", "register_webhook", good, []string{"X-Region", "fra"}, 421, "misdirected_request"},
		{"form", "register_webhook", good, []string{"Content-Type", "application/x-www-form-urlencoded"}, 400, "validation"},
		{"not JSON", "register_webhook", "{", nil, 400, "validation"},
		{"undocumented member", "register_webhook", with(`"action"`, `"actions":[],"action"`), nil, 400, "validation"},
		{"id chosen", "register_webhook", with(`"action"`, `"id":"x","action"`), nil, 400, "validation"},
		{"no client id", "register_webhook", with(`"owner_client_id":"app",`, ``), nil, 400, "validation"},
		{"no URL", "register_webhook", with(`https://a.example.com`, ``), nil, 400, "validation"},
		{"long URL", "register_webhook", with(`.com`, strings.Repeat("x", 500)), nil, 400, "validation"},
		{"unknown action", "register_webhook", with(`incoming_chat`, `incoming_visitor`), nil, 400, "validation"},
		{"old action", "register_webhook", with(`incoming_chat`, `thread_closed`), nil, 400, "validation"},
		{"no secret", "register_webhook", with(`"s"`, `""`), nil, 400, "validation"},
		{"unknown type", "register_webhook", with(`license`, `group`), nil, 400, "validation"},
		{"fourth of an action", "register_webhook", good, nil, 400, "limit_reached"},
		{"another app's", "unregister_webhook", `{"id":"1","owner_client_id":"other"}`, nil, 404, "not_found"},
		{"scope", "enable_license_webhooks", `{"owner_client_id":"app"}`, nil, 403, "authorization"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := New("account", "token")
			s.Scopes = []string{"webhooks.configuration:rw"}
			for _, id := range []string{"1", "2", "3"} {
				if tt.kind == "limit_reached" || tt.name == "another app's" {
					s.Add(Webhook{ID: id, Action: "incoming_chat", OwnerClientID: "app"})
				}
			}
			status, body := post(s, tt.method, tt.body, tt.headers...)
			if status != tt.status || !strings.Contains(body, `"type":"`+tt.kind+`"`) {
				t.Errorf("%d %s", status, body)
			}
		})
	}
}

func TestSecretsAreNotListed(t *testing.T) {
	s := New("account", "token")
	if status, body := post(s, "register_webhook", strings.Replace(good, `"s"`, `"very-secret"`, 1)); status != 200 || body != `{"id":"00000000000000000000000000000001"}` {
		t.Fatalf("%d %s", status, body)
	}
	s.Add(Webhook{Action: "incoming_chat", OwnerClientID: "other"})
	status, body := post(s, "list_webhooks", `{"owner_client_id":"app"}`)
	const want = `[{"id":"00000000000000000000000000000001","url":"https://a.example.com","description":"","action":"incoming_chat","owner_client_id":"app","type":"license"}]`
	if status != 200 || body != want {
		t.Errorf("%d %s", status, body)
	}
}

func TestRegionIsSaid(t *testing.T) {
	s := New("account", "token")
	s.Region = "fra"
	if status, body := post(s, "list_webhooks", `{"owner_client_id":"app"}`); status != 421 || !strings.Contains(body, `"data":{"region":"fra"}`) {
		t.Errorf("%d %s", status, body)
	}
}
