package page

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"example.com/livechat-webhook/internal/intake"
	"example.com/livechat-webhook/payload"
)

// speeds are how much faster than in reality a chat can be sent.
var speeds = []float64{1, 5, 20, 100}

const usualSpeed = 20

// sender is the view from which webhooks are sent.
type sender struct {
	frame
	Samples   []sample
	Scenarios []scenario
	Speeds    []float64
	Speed     float64
	Faults    []Fault
	// Body is what is to be edited, From where it is from.
	Body, From string
	Wrong      string // what is wrong with the body
}

func (p *Page) sender() sender {
	return sender{frame: p.frame("Send", "send"), Samples: samples(), Scenarios: scenarios(), Speeds: speeds, Speed: usualSpeed, Faults: Faults}
}

// sendForm answers with the form, filled with a sample or a webhook to edit.
func (p *Page) sendForm(w http.ResponseWriter, r *http.Request) {
	s := p.sender()
	if body, ok := sampleBody(r.FormValue("sample")); ok {
		s.Body, s.From = string(body), r.FormValue("sample")
	}
	if n, err := strconv.Atoi(r.FormValue("from")); err == nil {
		if webhook := p.store.Get(n); webhook != nil {
			s.Body, s.From = string(p.Body(webhook)), fmt.Sprintf("#%d", n)
		}
	}
	render(w, http.StatusOK, "send.html", s)
}

// send sends what the form asks for.
func (p *Page) send(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4*intake.MaxBody)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "The form is too large.", http.StatusRequestEntityTooLarge)
		return
	}
	if name := r.Form.Get("chat"); name != "" {
		p.sendChat(w, r, name)
		return
	}
	body, ok := sampleBody(r.Form.Get("sample"))
	if edited := r.Form.Get("body"); edited != "" {
		body, ok = []byte(edited), true
	}
	if !ok {
		http.Error(w, "There is no such sample.", http.StatusBadRequest)
		return
	}
	if wrong := notJSON(body); wrong != "" && r.Form.Get("anyway") == "" {
		s := p.sender()
		s.Body, s.Wrong, s.From = string(body), wrong, r.Form.Get("from")
		render(w, http.StatusUnprocessableEntity, "send.html", s)
		return
	}
	if r.Form.Get("fresh") != "" {
		body = freshen([][]byte{body}, lastTime(body), time.Now(), 1)[0]
	}
	number, err := p.sendTimes(r.Context(), p.outgoing(body, r.Form.Get("secret")), r.Form.Get("times"))
	p.came(w, r, number, err)
}

// sendTimes sends a request as often as times says, once without it.
func (p *Page) sendTimes(ctx context.Context, o outgoing, times string) (number int, err error) {
	n, _ := strconv.Atoi(times)
	for range min(max(n, 1), 10) {
		if number, err = p.post(ctx, o); err != nil {
			return 0, err
		}
	}
	return number, nil
}

// wrongSecret is sent where a secret is asked for that is none of the
// function's.
const wrongSecret = "not-the-secret-of-LiveChat"

// outgoing returns the request for a body, with the function's secret or, for
// "wrong", with another one.
func (p *Page) outgoing(body []byte, secret string) outgoing {
	if secret == "wrong" {
		return signed(webhookRequest(body), wrongSecret)
	}
	return p.withSecret(webhookRequest(body))
}

// notJSON says where a body that was edited is not JSON.
func notJSON(body []byte) string {
	if json.Valid(body) {
		return ""
	}
	return notWebhook(body)
}

// sendChat sends a whole chat in order, in as much time as it took or less. It
// answers once the first webhook is on the page.
func (p *Page) sendChat(w http.ResponseWriter, r *http.Request, name string) {
	i := slices.IndexFunc(scenarios(), func(s scenario) bool { return s.Name == name })
	speed, err := strconv.ParseFloat(r.Form.Get("speed"), 64)
	if r.Form.Get("speed") == "" {
		speed, err = usualSpeed, nil
	}
	if i < 0 || err != nil || !slices.Contains(speeds, speed) {
		http.Error(w, "There is no such chat or speed.", http.StatusBadRequest)
		return
	}
	chat := scenarios()[i].play(time.Now(), speed)
	number, err := p.post(r.Context(), p.outgoing(chat[0].body, ""))
	if err == nil {
		go p.sendRest(chat[1:])
	}
	if id := chatIn(chat); err == nil && id != "" && !wantsJSON(r) {
		http.Redirect(w, r, "/chats/"+id, http.StatusSeeOther)
		return
	}
	p.came(w, r, number, err)
}

// timed is a body to send at a time.
type timed struct {
	at   time.Time
	body []byte
}

// play returns what to send when, to have the chat from now on.
func (s scenario) play(now time.Time, speed float64) []timed {
	began := s.Deliveries[0].Received
	var bodies [][]byte
	for _, d := range s.Deliveries {
		bodies = append(bodies, d.Body)
	}
	all := make([]timed, len(bodies))
	for i, body := range freshen(bodies, began, now, speed) {
		after := float64(s.Deliveries[i].Received.Sub(began)) / speed
		all[i] = timed{now.Add(time.Duration(after)), body}
	}
	return all
}

// chatIn returns the id of the chat that is sent.
func chatIn(chat []timed) string {
	for _, t := range chat {
		if w, err := payload.Parse(t.body); err == nil && w.ChatID != "" {
			return w.ChatID
		}
	}
	return ""
}

// sendRest sends webhooks at their times, until the page ends or the function
// is not there any more.
func (p *Page) sendRest(chat []timed) {
	for _, t := range chat {
		select {
		case <-time.After(time.Until(t.at)):
		case <-p.ended:
			return
		}
		if _, err := p.post(context.Background(), p.outgoing(t.body, "")); err != nil {
			return
		}
	}
}
