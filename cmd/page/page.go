// Package page is the page of the local run: it shows what arrives, every chat
// as a conversation, and sends webhooks to try the function with. It is also the
// page over the log of a project, which it only reads.
//
// The way of one webhook to the screen:
//
//	record   the request, its answer and the entry that it became   record.go
//	log      or an entry of a project's log                         log.go
//	store    the latest ones, in bounded memory                     store.go
//	keep     as files, if asked to                                  keep.go
//	draw     the list, one webhook, conversations                   list.go, detail.go, chats.go
//	stream   tell browsers that something came                      stream.go
//	act      send it again, or something new                        act.go
//
// The page is for one person on this machine. guard.go keeps websites out,
// mask.go secrets. It works without JavaScript; page.js makes it live.
package page

import (
	"bytes"
	"embed"
	"encoding/json"
	"html/template"
	"io/fs"
	"net/http"
	"strings"
	"sync"

	"example.com/livechat-webhook/internal/cloudlogtest"
	"example.com/livechat-webhook/internal/config"
	"example.com/livechat-webhook/internal/entry"
	"example.com/livechat-webhook/internal/redact"
)

// Options say what a Page is about.
type Options struct {
	Store *Store
	// Config is what the function was started with.
	Config config.Config
	// Function is the URL of the function.
	Function string
	// SetFaults makes the stand-in for Cloud Logging fail; nil if Cloud Logging
	// is the real one.
	SetFaults func(cloudlogtest.Faults)
	// Keep is the folder to keep webhooks in, or empty.
	Keep string
	// Log says which log is shown, instead of what is recorded; nil for none.
	Log *Log
}

// Page serves the page.
type Page struct {
	// Recorded is called with each webhook after its answer, unless it is nil.
	Recorded func(*Webhook)

	store    *Store
	config   config.Config
	entries  *entry.Builder
	function string
	faults   faults
	keep     string
	log      *Log
	sets     []*set
	token    string
	client   *http.Client
	chats    chatCache
	ended    chan struct{}
	end      func()
	// recording is read-locked by each request from its answer until it is on
	// the page.
	recording sync.RWMutex
}

// New returns a Page about what o names.
func New(o Options) *Page {
	ended := make(chan struct{})
	return &Page{
		store:    o.Store,
		config:   o.Config,
		entries:  entry.NewBuilder(o.Config.Project, redact.Rules{Members: o.Config.Redact, Secrets: o.Config.Secrets}),
		function: o.Function,
		faults:   faults{set: o.SetFaults},
		keep:     o.Keep,
		log:      o.Log,
		client:   &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		ended:    ended,
		end:      sync.OnceFunc(func() { close(ended) }),
	}
}

// RequireToken has the page ask for a token, for one that is reached from other
// machines. Call it before Handler.
func (p *Page) RequireToken(token string) { p.token = token }

// Close ends all streams and what is being sent, once every request that was
// answered is on the page.
func (p *Page) Close() {
	p.recording.Lock()
	defer p.recording.Unlock()
	p.end()
}

//go:embed page.css page.js
var assets embed.FS

//go:embed templates/*.html
var templateFiles embed.FS

var templates = template.Must(template.New("").Funcs(functions).ParseFS(must(fs.Sub(templateFiles, "templates")), "*.html"))

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Handler returns the handler of the whole page.
func (p *Page) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /page.css", http.FileServerFS(assets))
	mux.Handle("GET /page.js", http.FileServerFS(assets))
	mux.HandleFunc("GET /webhooks", p.list)
	mux.HandleFunc("GET /webhooks/{number}", p.one)
	mux.HandleFunc("GET /webhooks/{number}/body", p.body)
	mux.HandleFunc("GET /chats", p.conversations)
	mux.HandleFunc("GET /chats/{id}", p.conversations)
	mux.HandleFunc("GET /chats/{id}/{file}", p.transcript)
	mux.HandleFunc("GET /events", p.events)
	if p.log != nil {
		mux.Handle("GET /{$}", http.RedirectHandler("/chats", http.StatusSeeOther))
		mux.HandleFunc("POST /webhooks/{number}/local", p.sendLocal)
	} else {
		mux.Handle("GET /{$}", http.RedirectHandler("/webhooks", http.StatusSeeOther))
		p.handleActions(mux)
	}
	return p.guard(mux)
}

// handleActions handles what the local run can do besides showing.
func (p *Page) handleActions(mux *http.ServeMux) {
	mux.HandleFunc("POST /webhooks/{number}/replay", p.replay)
	mux.HandleFunc("GET /send", p.sendForm)
	mux.HandleFunc("POST /send", p.send)
	mux.HandleFunc("POST /faults", p.fail)
	mux.HandleFunc("POST /clear", p.clear)
}

// frame is what every view has around it.
type frame struct {
	Title, View string
	Function    string
	Project     string // if entries go to the real Cloud Logging
	LogID       string // the log that is shown, empty for the local run
	Since       string // how far back
	Secrets     int
	Keep        string
	Fault       Fault
	CanFail     bool
}

func (p *Page) frame(title, view string) frame {
	f := frame{
		Title: title, View: view, Function: p.function, Secrets: len(p.config.Secrets), Keep: p.keep,
		Fault: p.faults.current(), CanFail: p.faults.set != nil,
	}
	if !f.CanFail {
		f.Project = p.config.Project
	}
	if p.log != nil {
		f.LogID, f.Since = p.config.LogID, p.log.Since
	}
	return f
}

// render answers with a template.
func render(w http.ResponseWriter, status int, name string, data any) {
	var html bytes.Buffer
	if err := templates.ExecuteTemplate(&html, name, data); err != nil {
		http.Error(w, "cannot draw the page: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(html.Bytes())
}

// wantsJSON reports whether the client asks for JSON.
func wantsJSON(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "application/json")
}

// renderJSON answers with JSON.
func renderJSON(w http.ResponseWriter, data any) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(data); err != nil {
		http.Error(w, "cannot write JSON", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Write(text.Bytes())
}
