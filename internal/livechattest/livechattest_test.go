package livechattest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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

const good = `{"url":"https://a.example.com","action":"incoming_chat","secret_key":"s",` +
	`"owner_client_id":"app","type":"license"}`

func TestRefusals(t *testing.T) {
	with := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	agentDeleted := strings.Replace(with(`incoming_chat`, `agent_deleted`), `{`, `{"additional_data":["chat_properties"],`, 1)
	tests := []struct {
		name, method, body string
		headers            []string
		status             int
		kind               string
	}{
		{"unknown method", "list", good, nil, 404, "not_found"},
		{"wrong token", "register_webhook", good, []string{"Authorization", "Basic eA=="}, 401, "authentication"},
		{"another region", "register_webhook", good, []string{"X-Region", "fra"}, 421, "misdirected_request"},
		{"form", "register_webhook", good, []string{"Content-Type", "text/plain"}, 400, "validation"},
		{"not JSON", "register_webhook", "{", nil, 400, "validation"},
		{"undocumented member", "register_webhook", with(`{`, `{"actions":[],`), nil, 400, "validation"},
		{"version", "register_webhook", with(`{`, `{"version":"3.6",`), nil, 400, "validation"},
		{"id chosen", "register_webhook", with(`{`, `{"id":"x",`), nil, 400, "validation"},
		{"no client id", "register_webhook", with(`"owner_client_id":"app",`, ``), nil, 400, "validation"},
		{"no URL", "register_webhook", with(`https://a.example.com`, ``), nil, 400, "validation"},
		{"long URL", "register_webhook", with(`.com`, strings.Repeat("x", 500)), nil, 400, "validation"},
		{"unknown action", "register_webhook", with(`incoming_chat`, `incoming_visitor`), nil, 400, "validation"},
		{"old action", "register_webhook", with(`incoming_chat`, `thread_closed`), nil, 400, "validation"},
		{"unknown data", "register_webhook", with(`{`, `{"additional_data":["access"],`), nil, 400, "validation"},
		{"data not offered", "register_webhook", agentDeleted, nil, 400, "validation"},
		{"no secret", "register_webhook", with(`"s"`, `""`), nil, 400, "validation"},
		{"unknown type", "register_webhook", with(`license`, `group`), nil, 400, "validation"},
		{"fourth of an action", "register_webhook", good, nil, 400, "limit_reached"},
		{"another app's", "unregister_webhook", `{"id":"1","owner_client_id":"other"}`, nil, 404, "not_found"},
		{"scope", "enable_license_webhooks", `{"owner_client_id":"app"}`, nil, 403, "authorization"},
		{"names of another version", "list_webhook_names", `{"version":"3.5"}`, nil, 400, "validation"},
		{"names of a client id", "list_webhook_names", `{"owner_client_id":"app"}`, nil, 400, "validation"},
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
	status, body := post(s, "register_webhook", strings.Replace(good, `"s"`, `"very-secret"`, 1))
	if status != 200 || body != `{"id":"00000000000000000000000000000001"}` {
		t.Fatalf("%d %s", status, body)
	}
	s.Add(Webhook{Action: "incoming_chat", OwnerClientID: "other"})
	status, body = post(s, "list_webhooks", `{"owner_client_id":"app"}`)
	const want = `[{"id":"00000000000000000000000000000001","url":"https://a.example.com","description":"",` +
		`"action":"incoming_chat","owner_client_id":"app","type":"license"}]`
	if status != 200 || body != want {
		t.Errorf("%d %s", status, body)
	}
}

func TestRegionReported(t *testing.T) {
	s := New("account", "token")
	s.Region = "fra"
	if status, body := post(s, "list_webhooks", `{"owner_client_id":"app"}`); status != 421 || !strings.Contains(body, `"data":{"region":"fra"}`) {
		t.Errorf("%d %s", status, body)
	}
}

func TestNamesNeedNoAuthorization(t *testing.T) {
	s := New("account", "token")
	s.Region = "fra"
	for _, body := range []string{`{}`, `{"version":"3.6"}`} {
		status, names := post(s, "list_webhook_names", body, "Authorization", "")
		var actions []Action
		if err := json.Unmarshal([]byte(names), &actions); status != 200 || err != nil {
			t.Fatalf("%d %v %s", status, err, names)
		}
		if diff := cmp.Diff(s.Actions, actions); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
}

// The documentation has 38 actions, and these rows among them.
func TestActionsAreTheDocumentedOnes(t *testing.T) {
	s := New("account", "token")
	if n := len(s.Actions); n != 38 {
		t.Errorf("%d actions, want 38", n)
	}
	data := []string{"chat_properties", "chat_presence_user_ids"}
	for _, want := range []Action{
		{"chat_access_updated", []string{"source_type", "chat_presence", "only_my_chats"}, data},
		{"incoming_event", []string{"source_type", "chat_presence", "only_my_chats", "author_type"}, data},
		{"customer_session_fields_updated", []string{"source_type", "chat_presence"}, data},
		{"routing_status_set", []string{"source_type", "agent_ids"}, nil},
		{"agent_deleted", []string{"source_type"}, nil},
		{"auto_accesses_updated", []string{"source_type"}, nil},
	} {
		i := slices.IndexFunc(s.Actions, func(a Action) bool { return a.Action == want.Action })
		if i < 0 {
			t.Errorf("no %s", want.Action)
		} else if diff := cmp.Diff(want, s.Actions[i]); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
}
