package page

import (
	"bytes"
	"testing"
)

func TestMemoryIsBounded(t *testing.T) {
	s := NewStore()
	for i := range maxWebhooks + 100 {
		s.add(&Webhook{Body: []byte{byte(i), byte(i >> 8)}})
	}
	all := s.All()
	if len(all) != maxWebhooks || all[0].Number != 101 || s.Get(100) != nil || s.Get(101) == nil {
		t.Errorf("%d webhooks from #%d on", len(all), all[0].Number)
	}
	for i := range 200 {
		s.add(&Webhook{Body: bytes.Repeat([]byte{byte(i)}, 1<<20), entries: [][]byte{make([]byte, 1<<19)}})
	}
	size := 0
	for _, w := range s.All() {
		size += w.size()
	}
	if size > maxBytes || size < maxBytes/2 || size != s.size {
		t.Errorf("%d bytes are kept, %d counted", size, s.size)
	}
	if len(s.seen) > maxWebhooks {
		t.Errorf("%d bodies are remembered", len(s.seen))
	}
	s.add(&Webhook{Body: make([]byte, maxBytes+1)})
	if n := len(s.All()); n != 1 {
		t.Errorf("%d webhooks beside one that is too large", n)
	}
}

func TestRepeats(t *testing.T) {
	s := NewStore()
	bodies := []string{"a", "b", "a", "a", "", "", "b"}
	want := []int{0, 0, 1, 1, 0, 0, 2}
	for i, body := range bodies {
		w := &Webhook{Body: []byte(body)}
		if s.add(w); w.RepeatOf != want[i] {
			t.Errorf("#%d is a repeat of #%d, want #%d", w.Number, w.RepeatOf, want[i])
		}
	}
}

func TestClearAndUndo(t *testing.T) {
	s := NewStore()
	for range 3 {
		s.add(&Webhook{})
	}
	if n := s.Clear(); n != 3 || len(s.All()) != 0 || s.Get(2) != nil || s.cleared() != 3 {
		t.Errorf("cleared %d, %d are here", n, len(s.All()))
	}
	s.add(&Webhook{})
	if all := s.All(); len(all) != 1 || all[0].Number != 4 {
		t.Errorf("after clearing: %v", all)
	}
	s.Unclear()
	if len(s.All()) != 4 || s.cleared() != 0 {
		t.Errorf("after undoing: %d", len(s.All()))
	}
}
