// Package deploy tests what an operator applies: the script with the real
// gcloud against a server that plays Google's APIs, and with a stand-in for
// gcloud where there is none; and the files against the entries that the
// function writes.
package deploy

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite testdata/flags.txt from the gcloud that is installed")

// script is the script in a place with some gcloud.
type script struct {
	path string // of deploy.sh
	env  []string
}

// run runs the script on my-project, and returns what it prints and whether it
// succeeded.
func (s script) run(t *testing.T, input string, args ...string) (string, bool) {
	t.Helper()
	command := exec.Command(s.path, append([]string{"--project", "my-project", "--region", "europe-west1"}, args...)...)
	command.Env = s.env
	command.Stdin = strings.NewReader(input)
	out, err := command.CombinedOutput()
	return string(out), err == nil
}

// deploy runs the script, which must succeed, and returns what it prints.
func (s script) deploy(t *testing.T, args ...string) string {
	t.Helper()
	out, ok := s.run(t, "", args...)
	if !ok {
		t.Fatalf("failed:\n%s", out)
	}
	return out
}

// absolute returns a path below this folder.
func absolute(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// says checks that all of these are in what was printed.
func says(t *testing.T, out string, all ...string) {
	t.Helper()
	for _, want := range all {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in:\n%s", want, out)
		}
	}
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, file, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}
