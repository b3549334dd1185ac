package config

import (
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"

	_ "example.com/livechat-webhook/internal/golden"
)

// slowMetadata serves a metadata server that takes its time for each answer.
func slowMetadata(t *testing.T, delay time.Duration) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(delay) // what the test is about
		switch r.URL.Path {
		case "/computeMetadata/v1/project/project-id":
			io.WriteString(w, "metadata-project")
		case "/computeMetadata/v1/instance/region":
			io.WriteString(w, "projects/1234/regions/europe-west1")
		}
	})}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	t.Setenv("GCE_METADATA_HOST", l.Addr().String())
}

func getenv(variables map[string]string) func(string) string {
	return func(name string) string { return variables[name] }
}

func TestSlowMetadataServerIsWaitedForOnCloudRun(t *testing.T) {
	slowMetadata(t, elsewhere+elsewhere/10)
	c, err := Load(context.Background(), getenv(map[string]string{
		"K_SERVICE": "livechat-webhook", "LIVECHAT_SECRETS": "a-secret-of-good-length", "GOOGLE_CLOUD_PROJECT": "my-project",
	}))
	if err != nil {
		t.Fatal(err)
	}
	if c.Resource.GetLabels()["location"] != "europe-west1" || c.Warnings != nil {
		t.Errorf("resource %v, warnings %q", c.Resource, c.Warnings)
	}
}

func TestSlowMetadataServerDoesNotHoldUpALocalRun(t *testing.T) {
	slowMetadata(t, elsewhere+elsewhere/10)
	if _, err := Load(context.Background(), getenv(nil)); err == nil {
		t.Error("waited for a metadata server that a local run does not have")
	}
}

func TestListSplitAtCommasAndWhiteSpace(t *testing.T) {
	want := []string{"a", "b", "c", "d"}
	if got := List(" a,b\n c\t,, d "); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
