// Package livechattest is a stand-in for the webhook methods of LiveChat's
// Configuration API v3.6: it holds registrations in memory, keeps the
// documented rules and fails as it is told to.
//
// It behaves as https://platform.text.com/docs/management/configuration-api
// says. The documentation leaves open which status an error has; here it is
// the one that HTTP has for it, and 400 for limits.
package livechattest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"example.com/livechat-webhook/payload"
)

const (
	version = "3.6"
	prefix  = "/v" + version + "/configuration/action/"
	// limit is how many webhooks an action and a client id may have.
	limit  = 3
	maxURL = 500
)

// Webhook is a registration.
type Webhook struct {
	ID             string          `json:"id"`
	URL            string          `json:"url"`
	Description    string          `json:"description"`
	Action         string          `json:"action"`
	SecretKey      string          `json:"secret_key,omitempty"` // not in lists
	OwnerClientID  string          `json:"owner_client_id"`
	Type           string          `json:"type"`
	AdditionalData []string        `json:"additional_data,omitempty"`
	Filters        json.RawMessage `json:"filters,omitempty"`
}

// Fault says how calls fail.
type Fault struct {
	// Method is the one that fails, or empty for all.
	Method string
	// After is how many calls succeed before, and Times how many fail then.
	After, Times int
	// Status is the answer, with the error type that belongs to it. 0 breaks
	// the connection.
	Status int
	// Message is LiveChat's, if not the usual one.
	Message string
	// RetryAfter is the header's value, if any.
	RetryAfter string
	// Done has the call carried out all the same.
	Done bool
	// Hang keeps the call without an answer until the client gives up.
	Hang bool
}

// Server is the stand-in, an [http.Handler]. The fields may be set before the
// first call.
type Server struct {
	// AccountID and Token are the personal access token's.
	AccountID, Token string
	// Scopes are the token's.
	Scopes []string
	// Region is where the account is at home; calls must name it in X-Region,
	// unless it is dal, the default.
	Region string

	mu       sync.Mutex
	webhooks []Webhook
	disabled bool
	faults   []Fault
	calls    []string
	ids      int
}

// New returns a Server with an account that has all scopes, nothing registered
// and license webhooks on.
func New(accountID, token string) *Server {
	return &Server{
		AccountID: accountID,
		Token:     token,
		Scopes:    []string{"webhooks.configuration:rw", "webhooks.state:ro", "webhooks.state:rw"},
		Region:    "dal",
	}
}

// Add registers w as it is, with a new id if it has none, and returns the id.
func (s *Server) Add(w Webhook) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.add(w)
}

func (s *Server) add(w Webhook) string {
	if w.ID == "" {
		s.ids++
		w.ID = fmt.Sprintf("%032x", s.ids)
	}
	s.webhooks = append(s.webhooks, w)
	return w.ID
}

// Webhooks returns what is registered, in the order of registration, with
// secrets.
func (s *Server) Webhooks() []Webhook {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.webhooks)
}

// Enable turns license webhooks on or off.
func (s *Server) Enable(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.disabled = !on
}

// Enabled reports whether license webhooks are on.
func (s *Server) Enabled() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.disabled
}

// Fail has calls fail, in addition to what earlier ones were told.
func (s *Server) Fail(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, f)
}

// Calls returns the methods called so far, in order.
func (s *Server) Calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// problem is an error as the API answers it.
type problem struct {
	status             int
	kind, text, region string
}

// problems are the documented errors by status, with their usual messages.
var problems = map[int]problem{
	http.StatusBadRequest:          {kind: "validation", text: "Wrong format of request"},
	http.StatusUnauthorized:        {kind: "authentication", text: "Authentication error"},
	http.StatusForbidden:           {kind: "authorization", text: "Authorization error"},
	http.StatusNotFound:            {kind: "not_found", text: "Not found"},
	http.StatusMisdirectedRequest:  {kind: "misdirected_request", text: "Wrong region"},
	http.StatusTooManyRequests:     {kind: "too_many_requests", text: "Too many requests"},
	http.StatusInternalServerError: {kind: "internal", text: "Internal server error"},
}

func refuse(status int, text string) *problem {
	p := problems[status]
	p.status = status
	if text != "" {
		p.text = text
	}
	return &p
}

// method is one of the API's.
type method struct {
	scope  string
	handle func(*Server, Webhook) (any, *problem)
}

var methods = map[string]method{
	"register_webhook":           {"webhooks.configuration:rw", (*Server).register},
	"list_webhooks":              {"webhooks.configuration:rw", (*Server).list},
	"unregister_webhook":         {"webhooks.configuration:rw", (*Server).unregister},
	"get_license_webhooks_state": {"webhooks.state:ro", (*Server).state},
	"enable_license_webhooks":    {"webhooks.state:rw", (*Server).enable},
}

// ServeHTTP implements [http.Handler]. It takes one call at a time.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, prefix)
	fault := s.called(name)
	if fault.Hang {
		// Only a read body lets the server see that the client is gone.
		_ = json.NewDecoder(r.Body).Decode(new(any))
		<-r.Context().Done()
		return
	}
	var answer any
	var p *problem
	if fault.Times == 0 || fault.Done {
		answer, p = s.call(name, r)
	}
	if fault.Times > 0 {
		if fault.Status == 0 {
			panic(http.ErrAbortHandler)
		}
		if fault.RetryAfter != "" {
			w.Header().Set("Retry-After", fault.RetryAfter)
		}
		p = refuse(fault.Status, fault.Message)
	}
	respond(w, answer, p)
}

// called notes the call and returns the fault it shall have; without Times if
// none.
func (s *Server) called(name string) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, name)
	for i := range s.faults {
		f := &s.faults[i]
		switch {
		case f.Method != "" && f.Method != name || f.Times == 0:
		case f.After > 0:
			f.After--
		default:
			f.Times--
			due := *f
			due.Times = 1
			return due
		}
	}
	return Fault{}
}

// call carries out one call.
func (s *Server) call(name string, r *http.Request) (any, *problem) {
	m, ok := methods[name]
	if !ok || r.Method != http.MethodPost {
		return nil, refuse(http.StatusNotFound, "")
	}
	if p := s.admit(r, m.scope); p != nil {
		return nil, p
	}
	if r.Header.Get("Content-Type") != "application/json" {
		return nil, refuse(http.StatusBadRequest, "")
	}
	var request Webhook
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&request); err != nil {
		return nil, refuse(http.StatusBadRequest, "")
	}
	if request.OwnerClientID == "" {
		return nil, refuse(http.StatusBadRequest, "`owner_client_id` is required")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return m.handle(s, request)
}

// admit returns why the caller may not call a method of that scope, or nil.
func (s *Server) admit(r *http.Request, scope string) *problem {
	account, token, _ := r.BasicAuth()
	region := r.Header.Get("X-Region")
	if region == "" {
		region = "dal"
	}
	switch {
	case account != s.AccountID || token != s.Token:
		return refuse(http.StatusUnauthorized, "")
	case region != s.Region:
		p := refuse(http.StatusMisdirectedRequest, "")
		p.region = s.Region
		return p
	case !slices.Contains(s.Scopes, scope):
		return refuse(http.StatusForbidden, "")
	}
	return nil
}

func (s *Server) register(w Webhook) (any, *problem) {
	taken := 0
	for _, other := range s.webhooks {
		if other.Action == w.Action && other.OwnerClientID == w.OwnerClientID {
			taken++
		}
	}
	action, known := payload.LookupAction(w.Action)
	switch {
	case w.ID != "":
		return nil, refuse(http.StatusBadRequest, "")
	case w.URL == "" || utf8.RuneCountInString(w.URL) > maxURL:
		return nil, refuse(http.StatusBadRequest, "`url` is wrong")
	case !known || !action.In(version):
		return nil, refuse(http.StatusBadRequest, "`action` is wrong")
	case w.SecretKey == "":
		return nil, refuse(http.StatusBadRequest, "`secret_key` is required")
	case w.Type != "license" && w.Type != "bot":
		return nil, refuse(http.StatusBadRequest, "`type` is wrong")
	case taken >= limit:
		return nil, &problem{status: http.StatusBadRequest, kind: "limit_reached", text: "Resource limit reached"}
	}
	return map[string]string{"id": s.add(w)}, nil
}

func (s *Server) list(request Webhook) (any, *problem) {
	listed := []Webhook{}
	for _, w := range s.webhooks {
		if w.OwnerClientID == request.OwnerClientID {
			w.SecretKey, w.AdditionalData = "", nil
			listed = append(listed, w)
		}
	}
	return listed, nil
}

func (s *Server) unregister(request Webhook) (any, *problem) {
	for i, w := range s.webhooks {
		if w.ID == request.ID && w.OwnerClientID == request.OwnerClientID {
			s.webhooks = slices.Delete(s.webhooks, i, i+1)
			return nil, nil
		}
	}
	return nil, refuse(http.StatusNotFound, "")
}

func (s *Server) state(Webhook) (any, *problem) {
	return map[string]bool{"license_webhooks_enabled": !s.disabled}, nil
}

func (s *Server) enable(Webhook) (any, *problem) {
	s.disabled = false
	return nil, nil
}

// respond writes an answer, or a problem if there is one. Some methods answer
// 200 and nothing.
func respond(w http.ResponseWriter, answer any, p *problem) {
	status := http.StatusOK
	if p != nil {
		status = p.status
		body := map[string]any{"type": p.kind, "message": p.text}
		if p.region != "" {
			body["data"] = map[string]string{"region": p.region}
		}
		answer = map[string]any{"error": body}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if answer != nil {
		// Only a client that is gone cannot be written to.
		_ = json.NewEncoder(w).Encode(answer)
	}
}
