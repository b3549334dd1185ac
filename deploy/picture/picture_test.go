package main

import (
	"bytes"
	"os"
	"runtime"
	"testing"
)

// TestPicturesAreOfTheDashboards draws what is in deploy again.
func TestPicturesAreOfTheDashboards(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("other processors may round otherwise")
	}
	for _, name := range []string{"dashboard", "chats"} {
		t.Run(name, func(t *testing.T) {
			want, err := os.ReadFile("../" + name + ".png")
			if err != nil {
				t.Fatal(err)
			}
			got, err := picture("../" + name)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s.png is old: cd deploy && go run ./picture %s.png", name, name)
			}
		})
	}
}
