// Package browsertest uses the page of the local run as a person does: the real
// command as a process, and a real browser in front of it.
//
//	browser_test.go   the browser, a tab that forgives nothing
//	command_test.go   the command, and a wire to it that can break
//	*_test.go         what people do
//
// It is a separate module, so that the function's go.mod does not know of
// browsers. It needs Debian's chromium-headless-shell, any Chromium or Chrome,
// or one named by $CHROME. Without one its tests are skipped, and fail if CI is
// set.
package browsertest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// late is when a test stops to wait. Nothing is expected to take that long.
const late = 20 * time.Second

var browsers = []string{"chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"}

// browser starts the one browser of all tests.
var browser = sync.OnceValues(func() (context.Context, error) {
	path, err := findBrowser()
	if err != nil {
		return nil, err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.Flag("lang", "en-US"))
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	allocator, end := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, _ := chromedp.NewContext(allocator, chromedp.WithErrorf(func(string, ...any) {}))
	closeBrowser = func() {
		chromedp.Cancel(ctx)
		end()
	}
	return ctx, chromedp.Do(ctx)
})

var closeBrowser = func() {}

func findBrowser() (string, error) {
	if path := os.Getenv("CHROME"); path != "" {
		return exec.LookPath(path)
	}
	for _, name := range browsers {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no browser: apt-get install chromium-headless-shell, or set CHROME to one (looked for %s)", strings.Join(browsers, ", "))
}

// needBrowser skips the test if there is no browser, and fails it in CI.
func needBrowser(t *testing.T) {
	t.Helper()
	switch _, err := findBrowser(); {
	case err == nil:
	case os.Getenv("CI") != "":
		t.Fatal(err)
	default:
		t.Skip(err)
	}
}

func TestMain(m *testing.M) {
	code := m.Run()
	closeBrowser()
	if program != "" {
		os.RemoveAll(filepath.Dir(program))
	}
	os.Exit(code)
}

// tab is a tab of the browser. At its end the console has to be empty: a script
// that failed and what the content security policy has blocked is there.
type tab struct {
	*testing.T
	ctx context.Context
	at  string // URL of the page
	// patience is how long until waits.
	patience time.Duration

	mu       sync.Mutex
	console  []string
	more     chan struct{} // closed by the next message
	expected func(message string) bool
}

// open opens the page of l in a new tab.
func open(t *testing.T, l *local, path string) *tab {
	t.Helper()
	b := newTab(t, l.page)
	b.visit(path)
	return b
}

// newTab returns a tab that shows nothing yet.
func newTab(t *testing.T, at string) *tab {
	t.Helper()
	ctx, err := browser()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := chromedp.NewContext(ctx, chromedp.WithNewBrowserContext())
	b := &tab{T: t, ctx: ctx, at: at, patience: late, more: make(chan struct{}), expected: func(string) bool { return false }}
	t.Cleanup(func() {
		if t.Failed() {
			b.logState()
		}
		cancel()
		b.checkConsole()
	})
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			b.mu.Lock()
			b.console = append(b.console, fmt.Sprintf("%s %s", m, m.URL))
			close(b.more)
			b.more = make(chan struct{})
			b.mu.Unlock()
		}
	}()
	b.size(1280, 800)
	return b
}

func (b *tab) checkConsole() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.console {
		if !b.expected(m) {
			b.Errorf("on the console: %s", m)
		}
	}
}

// onConsole waits for a message on the console.
func (b *tab) onConsole(part string) {
	b.Helper()
	end := time.After(late)
	for {
		b.mu.Lock()
		found := slices.ContainsFunc(b.console, func(m string) bool { return strings.Contains(m, part) })
		more := b.more
		b.mu.Unlock()
		if found {
			return
		}
		select {
		case <-more:
		case <-end:
			b.Fatalf("never on the console: %s", part)
		}
	}
}

// logState says what a failed test looked at, and saves a picture of it in the
// folder named by PICTURES.
func (b *tab) logState() {
	ctx, cancel := context.WithTimeout(b.ctx, late)
	defer cancel()
	if url, err := chromedp.Run(ctx, chromedp.Location()); err == nil {
		b.Logf("at %s", url)
	}
	if dir := os.Getenv("PICTURES"); dir != "" {
		if png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot()); err == nil {
			os.WriteFile(dir+"/failed-"+b.Name()+".png", png, 0o644)
		}
	}
}

// do runs actions.
func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, late)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.Fatal(err)
	}
}

// call sends a command of the DevTools protocol.
func call[P, R any](b *tab, c cdp.Command[P, R], params P) R {
	b.Helper()
	r, err := chromedp.Call(b.ctx, c, params)
	if err != nil {
		b.Fatal(err)
	}
	return r
}

// visit goes to a path of the page and waits until it is live.
func (b *tab) visit(path string) {
	b.Helper()
	b.do(chromedp.Navigate(b.at + path))
	b.live()
}

// live waits until the page gets what comes.
func (b *tab) live() {
	b.Helper()
	b.until(`document.querySelector("#live")?.dataset.state === "live"`)
}

// eval returns the value of an expression.
func eval[T any](b *tab, expression string) T {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, late)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.Fatalf("%s: %v", expression, err)
	}
	return v
}

// until waits until an expression is true, over the loading of pages. The
// expression is looked at in each frame that the browser draws.
func (b *tab) until(expression string) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, b.patience)
	defer cancel()
	look := `new Promise((done) => { const look = () => (` + expression + `) ? done(true) : requestAnimationFrame(look); look(); })`
	for {
		// A page that loads ends what waits in the one before it.
		_, err := chromedp.Run(ctx, chromedp.Evaluate[bool](look, chromedp.EvalAwaitPromise))
		if err == nil {
			return
		}
		if _, exception := err.(*chromedp.ExceptionError); exception || ctx.Err() != nil {
			b.Fatalf("never: %s (%v)", expression, err)
		}
	}
}

// has waits until an element that the selector selects has a text.
func (b *tab) has(selector, text string) {
	b.Helper()
	b.until(fmt.Sprintf(`[...document.querySelectorAll(%s)].some((e) => e.textContent.includes(%s))`, quote(selector), quote(text)))
}

// is waits until the path of the page, with its query, is path.
func (b *tab) is(path string) {
	b.Helper()
	b.until(`location.pathname + location.search === ` + quote(path) + ` && document.readyState === "complete"`)
}

// text returns the text of the first element that the selector selects, as it
// is on the screen.
func (b *tab) text(selector string) string {
	b.Helper()
	return eval[string](b, fmt.Sprintf(`document.querySelector(%s).innerText`, quote(selector)))
}

func (b *tab) count(selector string) int {
	b.Helper()
	return eval[int](b, fmt.Sprintf(`document.querySelectorAll(%s).length`, quote(selector)))
}

// click clicks, with the mouse, what the selector selects.
func (b *tab) click(selector string) {
	b.Helper()
	b.do(chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// keys presses keys one after the other, as a keyboard does: a key that the
// page takes for itself types nothing.
func (b *tab) keys(keys string) {
	b.Helper()
	for _, r := range keys {
		b.key(r, kb.ModifierNone)
	}
}

func (b *tab) key(r rune, modifier kb.Modifier) {
	b.Helper()
	events := kb.Encode(r)
	down, up := events[0], events[len(events)-1]
	if len(events) == 3 && modifier == kb.ModifierNone {
		down.Text, down.UnmodifiedText = events[1].Text, events[1].UnmodifiedText
	}
	for _, e := range []*input.DispatchKeyEventParams{down, up} {
		e.Modifiers |= int64(modifier)
		call(b, input.DispatchKeyEvent, *e)
	}
}

// enter presses Enter.
func (b *tab) enter() {
	b.Helper()
	b.keys(kb.Enter)
}

// focused waits until the element that the selector selects has the focus.
func (b *tab) focused(selector string) {
	b.Helper()
	b.until(fmt.Sprintf(`document.activeElement?.matches(%s)`, quote(selector)))
}

func (b *tab) size(width, height int64) {
	b.Helper()
	b.do(chromedp.EmulateViewport(width, height))
}

// scheme has the system prefer light or dark.
func (b *tab) scheme(name string) {
	b.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"}},
	})
}

// quote returns a string of JavaScript.
func quote(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(text)
}
