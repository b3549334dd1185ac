// Package googleapis plays the Google APIs that deploy.sh reaches through
// gcloud, so that the real gcloud can be tested without Google. It keeps what
// is created in memory, as the JSON that gcloud sent, and keeps to the rules
// that a script can trip over: PATCH without an updateMask replaces, etags
// must match, an API must be enabled, what exists is not created twice.
//
// A [Cloud] is an HTTP proxy as well as a server: gcloud reaches all hosts
// through it, so that no name is looked up. [Cloud.Env] sets gcloud up for it.
package googleapis

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const (
	// Project is the one project that there is, and Number its number.
	Project, Number = "my-project", "1234"
	// Region is where functions are deployed.
	Region = "europe-west1"
)

// object is a JSON object, and resource one that the state holds.
type (
	object   = map[string]any
	resource = object
)

// Cloud is the state of one project.
type Cloud struct {
	mu sync.Mutex
	// resources by API and full name, "logging/projects/P/metrics/M".
	resources map[string]resource
	policies  map[string]object // IAM policies by the name of the resource
	number    int               // the last number given to a new name or etag
	changes   []string
	faults    []*Fault
}

// A Fault is the answer to calls of a method whose path contains Path.
type Fault struct {
	Method, Path    string
	Code            int
	Status, Message string
	Details         []any
	Times           int // how often, 0 always
}

// New returns a project in which no API is enabled.
func New() *Cloud {
	bucket := "projects/" + Project + "/locations/global/buckets/_Default"
	return &Cloud{policies: map[string]object{}, resources: map[string]resource{
		"logbuckets/" + bucket:                          {"name": bucket, "retentionDays": 30, "lifecycleState": "ACTIVE"},
		"sinks/projects/" + Project + "/sinks/_Default": {"name": "_Default", "destination": "logging.googleapis.com/" + bucket},
	}}
}

// Clone returns a project in the same state, without faults and without a
// record of changes.
func (c *Cloud) Clone() *Cloud {
	c.mu.Lock()
	defer c.mu.Unlock()
	clone := New()
	clear(clone.resources)
	clone.number = c.number
	for name, r := range c.resources {
		clone.resources[name] = copied(r)
	}
	for name, p := range c.policies {
		clone.policies[name] = copied(p)
	}
	return clone
}

func copied(o object) object {
	text, err := json.Marshal(o)
	if err != nil {
		panic(err) // It came from JSON.
	}
	var c object
	if err := json.Unmarshal(text, &c); err != nil {
		panic(err)
	}
	return c
}

// Fail adds a fault.
func (c *Cloud) Fail(f Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = append(c.faults, &f)
}

// Changes returns the calls so far that could have changed something, such as
// "POST /v1/projects/my-project/secrets".
func (c *Cloud) Changes() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.changes)
}

// Names returns the names of what there is below a prefix, without it.
func (c *Cloud) Names(prefix string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var names []string
	for _, name := range c.names(prefix) {
		names = append(names, strings.TrimPrefix(name, prefix))
	}
	return names
}

func (c *Cloud) names(prefix string) []string {
	var names []string
	for name := range c.resources {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Get returns a copy of a resource, nil if there is none.
func (c *Cloud) Get(name string) map[string]any {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.resources[name]; r != nil {
		return copied(r)
	}
	return nil
}

// Edit changes a resource, as somebody in the console does.
func (c *Cloud) Edit(name string, edit func(map[string]any)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.resources[name]
	edit(r)
	if r["etag"] != nil {
		r["etag"] = c.next()
	}
}

// Add adds a resource, as somebody else does.
func (c *Cloud) Add(name string, r map[string]any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.resources[name] = copied(r)
}

// Remove removes all resources whose names have one of these prefixes.
func (c *Cloud) Remove(prefixes ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, prefix := range prefixes {
		for _, name := range c.names(prefix) {
			delete(c.resources, name)
		}
	}
}

// RemovePolicies takes all roles away.
func (c *Cloud) RemovePolicies() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.policies)
}

// Policy returns a copy of the IAM policy of a resource, such as
// "projects/my-project".
func (c *Cloud) Policy(name string) map[string]any {
	c.mu.Lock()
	defer c.mu.Unlock()
	return copied(c.policies[name])
}

// Roles returns the roles that a member has on a resource, such as
// "projects/my-project", sorted.
func (c *Cloud) Roles(name, member string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var roles []string
	bindings, _ := c.policies[name]["bindings"].([]any)
	for _, b := range bindings {
		binding := b.(object)
		if members, _ := binding["members"].([]any); slices.Contains(members, any(member)) {
			roles = append(roles, binding["role"].(string))
		}
	}
	slices.Sort(roles)
	return roles
}

// Start serves the project for as long as a test runs, and returns the
// environment in which gcloud reaches it and nothing else.
func (c *Cloud) Start(t testing.TB) []string {
	t.Helper()
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	config := t.TempDir()
	token := filepath.Join(config, "token")
	if err := os.WriteFile(token, []byte("token"), 0o600); err != nil {
		t.Fatal(err)
	}
	address, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	env := []string{
		"HOME=" + config, "CLOUDSDK_CONFIG=" + config, "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE=" + token, "CLOUDSDK_CORE_ACCOUNT=somebody@example.com",
		"CLOUDSDK_CORE_CHECK_GCE_METADATA=0", "NO_GCE_CHECK=true", "CLOUDSDK_CORE_DISABLE_PROMPTS=1",
		"CLOUDSDK_CORE_DISABLE_USAGE_REPORTING=1", "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK=1", "CLOUDSDK_CORE_DISABLE_FILE_LOGGING=1",
		"CLOUDSDK_PROXY_TYPE=http", "CLOUDSDK_PROXY_ADDRESS=" + address.Hostname(), "CLOUDSDK_PROXY_PORT=" + address.Port(),
	}
	for _, api := range []string{"MONITORING", "LOGGING", "RUN", "IAM", "SECRETMANAGER", "CLOUDRESOURCEMANAGER", "SERVICEUSAGE", "CLOUDBUILD", "ARTIFACTREGISTRY", "STORAGE"} {
		env = append(env, "CLOUDSDK_API_ENDPOINT_OVERRIDES_"+api+"=http://googleapis.test/")
	}
	return env
}

// failure is an answer other than 200.
type failure struct {
	code            int
	status, message string
	details         []any
}

func (f *failure) Error() string { return f.status + ": " + f.message }

func notFound(name string) error {
	return &failure{code: 404, status: "NOT_FOUND", message: name + " not found"}
}

func exists(name string) error {
	return &failure{code: 409, status: "ALREADY_EXISTS", message: name + " already exists"}
}

func conflict(name string) error {
	return &failure{code: 409, status: "ABORTED", message: "the etag of " + name + " is not the current one"}
}

func precondition(format string, a ...any) error {
	return &failure{code: 400, status: "FAILED_PRECONDITION", message: fmt.Sprintf(format, a...)}
}

func invalid(format string, a ...any) error {
	return &failure{code: 400, status: "INVALID_ARGUMENT", message: fmt.Sprintf(format, a...)}
}

// ServeHTTP answers one call of an API.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	c.mu.Lock()
	answer, err := c.call(r.Method, r.URL, r.Header, body)
	c.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	code := http.StatusOK
	if f, ok := err.(*failure); ok {
		code = f.code
		fault := object{"code": f.code, "status": f.status, "message": f.message}
		if f.details != nil {
			fault["details"] = f.details
		}
		answer = object{"error": fault}
	}
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(answer)
}

// reads are POSTs that change nothing.
var reads = []string{":getIamPolicy", ":testIamPermissions", ":access"}

func (c *Cloud) call(method string, u *url.URL, header http.Header, body []byte) (any, error) {
	path, verb, _ := strings.Cut(strings.Trim(u.Path, "/"), ":")
	if verb != "" {
		verb = ":" + verb
	}
	if method != http.MethodGet && !slices.Contains(reads, verb) {
		c.changes = append(c.changes, method+" "+u.Path)
	}
	for _, f := range c.faults {
		if f.Times >= 0 && f.Method == method && strings.Contains(u.Path, f.Path) {
			if f.Times > 0 {
				if f.Times--; f.Times == 0 {
					f.Times = -1
				}
			}
			return nil, &failure{f.Code, f.Status, f.Message, f.Details}
		}
	}
	if method == http.MethodPost && strings.HasPrefix(path, "upload/") {
		return c.upload(u, header, body)
	}
	in := object{}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &in); err != nil {
			return nil, invalid("not JSON: %v", err)
		}
	}
	for _, api := range apis {
		name, ok := strings.CutPrefix(path, api.prefix)
		if !ok || !strings.Contains(path+"/", api.mark) {
			continue
		}
		if api.service != "" && c.resources["serviceusage/"+api.service] == nil {
			return nil, disabled(api.service)
		}
		return api.call(c, request{method: method, name: name, verb: verb, query: u.Query(), in: in})
	}
	return nil, &failure{code: 501, status: "UNIMPLEMENTED", message: method + " " + u.Path + " is not played"}
}

func disabled(service string) error {
	return &failure{code: 403, status: "PERMISSION_DENIED", message: fmt.Sprintf("%s has not been used in project %s before or it is disabled. "+
		"If you enabled this API recently, wait a few minutes for the action to propagate to our systems and retry.", service, Number),
		details: []any{object{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_DISABLED", "domain": "googleapis.com",
			"metadata": object{"service": service, "consumer": "projects/" + Number}}}}
}

// request is one call: its name is what the path says behind the version.
type request struct {
	method, name, verb string
	query              url.Values
	in                 object
}

// next returns a new number, for names and etags.
func (c *Cloud) next() string {
	c.number++
	return fmt.Sprint(c.number)
}

// iam reads and sets the IAM policy of a resource.
func (c *Cloud) iam(r request) (any, error) {
	policy := c.policies[r.name]
	if policy == nil {
		policy = object{"version": 1, "etag": "ACAB"}
	}
	switch r.verb {
	case ":testIamPermissions":
		return object{"permissions": r.in["permissions"]}, nil
	case ":getIamPolicy":
		return policy, nil
	}
	set, _ := r.in["policy"].(object)
	if set["etag"] != nil && set["etag"] != policy["etag"] {
		return nil, conflict(r.name)
	}
	bindings, _ := set["bindings"].([]any)
	for _, b := range bindings {
		members, _ := b.(object)["members"].([]any)
		for _, m := range members {
			email, ok := strings.CutPrefix(m.(string), "serviceAccount:")
			if ok && strings.HasSuffix(email, Project+".iam.gserviceaccount.com") && c.resources["iam/projects/"+Project+"/serviceAccounts/"+email] == nil {
				return nil, invalid("Service account %s does not exist.", email)
			}
		}
	}
	set["etag"] = fmt.Sprintf("BwX%05dAAA=", c.number+1)
	c.number++
	c.policies[r.name] = set
	return set, nil
}

// list answers with all resources of a collection, under a key.
func (c *Cloud) list(collection, key string) (any, error) {
	items := []any{}
	for _, name := range c.names(collection + "/") {
		if !strings.Contains(strings.TrimPrefix(name, collection+"/"), "/") {
			items = append(items, c.resources[name])
		}
	}
	return object{key: items}, nil
}

// find answers with one resource, or removes it.
func (c *Cloud) find(method, name string) (any, error) {
	r := c.resources[name]
	if r == nil {
		return nil, notFound(name)
	}
	if method == http.MethodDelete {
		delete(c.resources, name)
		maps.DeleteFunc(c.resources, func(n string, _ resource) bool { return strings.HasPrefix(n, name+"/") })
		return object{}, nil
	}
	return r, nil
}

// add keeps a new resource.
func (c *Cloud) add(name string, r resource) (any, error) {
	if c.resources[name] != nil {
		return nil, exists(name)
	}
	c.resources[name] = r
	return r, nil
}
