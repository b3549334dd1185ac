// Package livechattest is an in-process server with the webhook methods of
// LiveChat's Configuration API v3.6. It keeps registrations in memory, enforces
// the documented rules and fails on demand.
//
// It follows https://platform.text.com/docs/management/configuration-api. The
// documentation does not say which status an error has; here it is the usual
// one of HTTP, and 400 for limits.
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
	// limit is the maximum number of webhooks per action and client id.
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

// Action is an action that can be registered, as list_webhook_names returns it.
type Action struct {
	Action         string   `json:"action"`
	Filters        []string `json:"filters,omitempty"`
	AdditionalData []string `json:"additional_data,omitempty"`
}

// Fault says how calls fail.
type Fault struct {
	// Method is the method that fails; empty means all.
	Method string
	// After is how many calls succeed first, and Times how many then fail.
	After, Times int
	// Status is the status of the answer, which determines the error type. 0
	// breaks the connection.
	Status int
	// Message replaces the usual message of the error.
	Message string
	// RetryAfter is the value of the header, if any.
	RetryAfter string
	// Done carries the call out anyway.
	Done bool
	// Hang leaves the call unanswered until the client gives up.
	Hang bool
}

// Server is an [http.Handler]. Its fields may be set before the first call.
type Server struct {
	// AccountID and Token are those of a personal access token.
	AccountID, Token string
	// Scopes are the token's.
	Scopes []string
	// Region is the account's home region. Calls must name it in X-Region,
	// unless it is dal, the default.
	Region string
	// Actions can be registered, and list_webhook_names returns them.
	Actions []Action

	mu       sync.Mutex
	webhooks []Webhook
	disabled bool
	faults   []Fault
	calls    []string
	ids      int
}

// New returns a Server for an account that has all scopes, no registrations and
// license webhooks on. It offers the actions of the documentation.
func New(accountID, token string) *Server {
	return &Server{
		AccountID: accountID,
		Token:     token,
		Scopes:    []string{"webhooks.configuration:rw", "webhooks.state:ro", "webhooks.state:rw"},
		Region:    "dal",
		Actions:   documented(),
	}
}

// documented returns the actions of v3.6 in the documentation's table, with
// their filters, and with the additional data of its sample answer.
func documented() []Action {
	var actions []Action
	for _, a := range payload.Actions() {
		if a.In(version) {
			actions = append(actions, describe(a.Name))
		}
	}
	return actions
}

func describe(name string) Action {
	a := Action{Action: name, Filters: []string{"source_type"}}
	subject, _, _ := strings.Cut(name, "_")
	switch subject {
	case "agent", "auto", "bot", "group", "tag":
		return a
	case "routing":
		a.Filters = append(a.Filters, "agent_ids")
		return a
	}
	a.Filters = append(a.Filters, "chat_presence")
	a.AdditionalData = []string{"chat_properties", "chat_presence_user_ids"}
	if subject != "customer" {
		a.Filters = append(a.Filters, "only_my_chats")
	}
	if name == "incoming_event" || name == "event_updated" {
		a.Filters = append(a.Filters, "author_type")
	}
	return a
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

// Webhooks returns all registrations, oldest first, with their secrets.
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

// Fail makes calls fail, in addition to earlier faults.
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

// problem is an error answer of the API.
type problem struct {
	status             int
	kind, text, region string
}

// problems maps a status to the documented error and its usual message.
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

// request holds the parameters of all methods.
type request struct {
	Webhook
	Version string `json:"version"`
}

// method is a method of the API. One without a scope needs no authorization and
// has no owner_client_id.
type method struct {
	scope  string
	handle func(*Server, request) (any, *problem)
}

var methods = map[string]method{
	"register_webhook":           {"webhooks.configuration:rw", (*Server).register},
	"list_webhooks":              {"webhooks.configuration:rw", (*Server).list},
	"unregister_webhook":         {"webhooks.configuration:rw", (*Server).unregister},
	"get_license_webhooks_state": {"webhooks.state:ro", (*Server).state},
	"enable_license_webhooks":    {"webhooks.state:rw", (*Server).enable},
	"list_webhook_names":         {"", (*Server).names},
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, prefix)
	fault := s.called(name)
	if fault.Hang {
		// The server notices that the client is gone only once the body is read.
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

// called records the call and returns its fault, whose Times is 0 if there is
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
	if m.scope != "" {
		if p := s.admit(r, m.scope); p != nil {
			return nil, p
		}
	}
	if r.Header.Get("Content-Type") != "application/json" {
		return nil, refuse(http.StatusBadRequest, "")
	}
	var params request
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&params); err != nil {
		return nil, refuse(http.StatusBadRequest, "")
	}
	if m.scope != "" && params.OwnerClientID == "" {
		return nil, refuse(http.StatusBadRequest, "`owner_client_id` is required")
	}
	if m.scope == "" && params.OwnerClientID != "" || m.scope != "" && params.Version != "" {
		return nil, refuse(http.StatusBadRequest, "")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return m.handle(s, params)
}

// admit returns why the caller may not call a method with that scope, or nil.
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

func (s *Server) register(params request) (any, *problem) {
	w := params.Webhook
	taken := 0
	for _, other := range s.webhooks {
		if other.Action == w.Action && other.OwnerClientID == w.OwnerClientID {
			taken++
		}
	}
	i := slices.IndexFunc(s.Actions, func(a Action) bool { return a.Action == w.Action })
	switch {
	case w.ID != "":
		return nil, refuse(http.StatusBadRequest, "")
	case w.URL == "" || utf8.RuneCountInString(w.URL) > maxURL:
		return nil, refuse(http.StatusBadRequest, "`url` is wrong")
	case i < 0:
		return nil, refuse(http.StatusBadRequest, "`action` is wrong")
	case slices.ContainsFunc(w.AdditionalData, func(d string) bool { return !slices.Contains(s.Actions[i].AdditionalData, d) }):
		return nil, refuse(http.StatusBadRequest, "`additional_data` is wrong")
	case w.SecretKey == "":
		return nil, refuse(http.StatusBadRequest, "`secret_key` is required")
	case w.Type != "license" && w.Type != "bot":
		return nil, refuse(http.StatusBadRequest, "`type` is wrong")
	case taken >= limit:
		return nil, &problem{status: http.StatusBadRequest, kind: "limit_reached", text: "Resource limit reached"}
	}
	return map[string]string{"id": s.add(w)}, nil
}

func (s *Server) list(params request) (any, *problem) {
	listed := []Webhook{}
	for _, w := range s.webhooks {
		if w.OwnerClientID == params.OwnerClientID {
			w.SecretKey, w.AdditionalData = "", nil
			listed = append(listed, w)
		}
	}
	return listed, nil
}

func (s *Server) unregister(params request) (any, *problem) {
	for i, w := range s.webhooks {
		if w.ID == params.ID && w.OwnerClientID == params.OwnerClientID {
			s.webhooks = slices.Delete(s.webhooks, i, i+1)
			return nil, nil
		}
	}
	return nil, refuse(http.StatusNotFound, "")
}

func (s *Server) state(request) (any, *problem) {
	return map[string]bool{"license_webhooks_enabled": !s.disabled}, nil
}

func (s *Server) enable(request) (any, *problem) {
	s.disabled = false
	return nil, nil
}

func (s *Server) names(params request) (any, *problem) {
	if params.Version != "" && params.Version != version {
		return nil, refuse(http.StatusBadRequest, "`version` is wrong")
	}
	return s.Actions, nil
}

// respond writes p, or else the answer, which is nil for methods that return
// nothing.
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
		// This fails only if the client is gone.
		_ = json.NewEncoder(w).Encode(answer)
	}
}
