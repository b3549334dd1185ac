package googleapis

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// api is one of Google's: what its paths start with and contain, the service
// that must be enabled for it, and how it answers.
type api struct {
	prefix, mark, service string
	call                  func(*Cloud, request) (any, error)
}

// apis in the order in which they are asked.
var apis []api

func init() {
	apis = []api{
		{"v1/", "/services/", "", (*Cloud).serviceUsage},
		{"v1/", "/services:", "", (*Cloud).serviceUsage},
		{"v1/", "/serviceAccounts/", "iam.googleapis.com", (*Cloud).accounts},
		{"v1/", "/secrets/", "secretmanager.googleapis.com", (*Cloud).secrets},
		{"v1/", "/dashboards/", "monitoring.googleapis.com", (*Cloud).dashboards},
		{"v3/", "/alertPolicies/", "monitoring.googleapis.com", (*Cloud).alerts},
		{"v3/", "/notificationChannels/", "monitoring.googleapis.com", (*Cloud).channels},
		{"v2/", "/metrics/", "logging.googleapis.com", (*Cloud).metrics},
		{"v2/", "/sinks/", "logging.googleapis.com", (*Cloud).sinks},
		{"v2/", "/buckets/", "logging.googleapis.com", (*Cloud).logBuckets},
		{"v1/", "/repositories/", "artifactregistry.googleapis.com", (*Cloud).repositories},
		{"v1/", "/operations/", "", (*Cloud).operations},
		{"v1/", "operations/", "", (*Cloud).operations},
		{"v2/", "/builds", "run.googleapis.com", (*Cloud).builds},
		{"apis/serving.knative.dev/v1/namespaces/", "/services/", "run.googleapis.com", (*Cloud).services},
		{"storage/v1/", "b/", "", (*Cloud).buckets},
		{"v1/", "projects/", "", (*Cloud).projects},
	}
}

func (c *Cloud) projects(r request) (any, error) {
	if r.verb != "" {
		return c.iam(r)
	}
	if r.name != "projects/"+Project {
		return nil, &failure{code: 403, status: "PERMISSION_DENIED", message: "The caller does not have permission"}
	}
	return object{"projectId": Project, "projectNumber": Number, "lifecycleState": "ACTIVE"}, nil
}

// operation starts a long-running operation: it is not done at once, so that
// gcloud has to ask.
func (c *Cloud) operation(parent string, response object) object {
	name := strings.TrimPrefix(parent+"/operations/acat."+c.next(), "/")
	c.resources["operations/"+name] = object{"name": name, "done": true, "response": response}
	return object{"name": name}
}

func (c *Cloud) operations(r request) (any, error) { return c.find(r.method, "operations/"+r.name) }

func (c *Cloud) serviceUsage(r request) (any, error) {
	if strings.Contains(r.name, "/locations/") { // the IAM policy of a Cloud Run service
		return c.iam(r)
	}
	project, service, _ := strings.Cut(r.name, "/services")
	service = strings.Trim(service, "/")
	switch {
	case r.verb == ":batchEnable":
		ids, _ := r.in["serviceIds"].([]any)
		for _, id := range ids {
			c.enable(id.(string))
		}
	case r.verb == ":enable":
		c.enable(service)
	case service == "":
		return c.list("serviceusage", "services")
	default:
		s := c.resources["serviceusage/"+service]
		if s == nil {
			s = object{"name": project + "/services/" + service, "state": "DISABLED"}
		}
		return s, nil
	}
	return c.operation("", object{}), nil
}

func (c *Cloud) enable(service string) {
	c.resources["serviceusage/"+service] = object{"name": "projects/" + Number + "/services/" + service, "state": "ENABLED",
		"config": object{"name": service}}
}

func (c *Cloud) accounts(r request) (any, error) {
	r.name = strings.Replace(r.name, "projects/-/", "projects/"+Project+"/", 1)
	project, _, _ := strings.Cut(r.name, "/serviceAccounts")
	switch {
	case r.verb != "":
		return c.iam(r)
	case r.method == http.MethodPost:
		email := r.in["accountId"].(string) + "@" + Project + ".iam.gserviceaccount.com"
		account, _ := r.in["serviceAccount"].(object)
		if account == nil {
			account = object{}
		}
		account["email"], account["name"], account["uniqueId"] = email, project+"/serviceAccounts/"+email, c.next()
		return c.add("iam/"+project+"/serviceAccounts/"+email, account)
	case strings.HasSuffix(r.name, "/serviceAccounts"):
		return c.list("iam/"+r.name, "accounts")
	case r.method == http.MethodDelete:
		_, email, _ := strings.Cut(r.name, "/serviceAccounts/")
		for _, policy := range c.policies {
			forget(policy, "serviceAccount:"+email, "deleted:serviceAccount:"+email+"?uid=1")
		}
	}
	return c.find(r.method, "iam/"+r.name)
}

// forget puts a deleted member into a policy in place of a living one.
func forget(policy object, member, deleted string) {
	bindings, _ := policy["bindings"].([]any)
	for _, b := range bindings {
		members, _ := b.(object)["members"].([]any)
		for i := range members {
			if members[i] == any(member) {
				members[i] = deleted
			}
		}
	}
}

func (c *Cloud) secrets(r request) (any, error) {
	project, rest, _ := strings.Cut(r.name, "/secrets")
	if rest == "" {
		if r.method == http.MethodGet {
			return c.list("secrets/"+r.name, "secrets")
		}
		name := project + "/secrets/" + r.query.Get("secretId")
		r.in["name"] = name
		return c.add("secrets/"+name, r.in)
	}
	name, version, _ := strings.Cut(r.name, "/versions/")
	secret := c.resources["secrets/"+name]
	if secret == nil {
		return nil, notFound("Secret [" + name + "]")
	}
	switch {
	case r.verb == ":addVersion":
		versions, _ := secret["versions"].([]any)
		payload, _ := r.in["payload"].(object)
		secret["versions"] = append(versions, payload["data"])
		return object{"name": name + "/versions/" + c.next(), "state": "ENABLED"}, nil
	case r.verb == ":access":
		versions, _ := secret["versions"].([]any)
		if len(versions) == 0 {
			return nil, notFound(name + " has no version")
		}
		return object{"name": name + "/versions/" + version, "payload": object{"data": versions[len(versions)-1]}}, nil
	case r.verb != "":
		return c.iam(r)
	}
	return c.find(r.method, "secrets/"+name)
}

func (c *Cloud) dashboards(r request) (any, error) {
	collection := "dashboards/projects/" + Project + "/dashboards"
	_, id, _ := strings.Cut(r.name, "/dashboards/")
	switch {
	case r.method == http.MethodPost:
		id = c.next()
		r.in["name"], r.in["etag"] = "projects/"+Number+"/dashboards/"+id, c.next()
		return c.add(collection+"/"+id, normal(r.in))
	case id == "":
		return c.list(collection, "dashboards")
	case r.method == http.MethodPatch:
		old := c.resources[collection+"/"+id]
		if old == nil {
			return nil, notFound(id)
		}
		if r.in["etag"] != old["etag"] {
			return nil, conflict(id)
		}
		r.in["name"], r.in["etag"] = old["name"], c.next()
		c.resources[collection+"/"+id] = normal(r.in)
		return r.in, nil
	}
	return c.find(r.method, collection+"/"+id)
}

// normal leaves out what says nothing, as Google's APIs do.
func normal(o object) object {
	for k, v := range o {
		switch v := v.(type) {
		case object:
			normal(v)
		case []any:
			for _, e := range v {
				if e, ok := e.(object); ok {
					normal(e)
				}
			}
		case float64:
			if v == 0 {
				delete(o, k)
			}
		case string:
			if v == "" {
				delete(o, k)
			}
		}
	}
	return o
}

func (c *Cloud) alerts(r request) (any, error) {
	collection := "alerts/projects/" + Project + "/alertPolicies"
	_, id, _ := strings.Cut(r.name, "/alertPolicies/")
	switch {
	case r.method == http.MethodPost:
		id = c.next()
		if err := c.checkAlert(r.in); err != nil {
			return nil, err
		}
		r.in["name"] = "projects/" + Project + "/alertPolicies/" + id
		c.completeAlert(r.in)
		r.in["creationRecord"] = object{"mutateTime": "2026-01-02T03:04:05Z"}
		return c.add(collection+"/"+id, r.in)
	case id == "":
		return c.list(collection, "alertPolicies")
	case r.method == http.MethodPatch:
		old := c.resources[collection+"/"+id]
		if old == nil {
			return nil, notFound(id)
		}
		replaced := r.in
		if r.query.Get("updateMask") != "" {
			replaced = patched(old, r)
		}
		if err := c.checkAlert(replaced); err != nil {
			return nil, err
		}
		replaced["name"], replaced["creationRecord"] = old["name"], old["creationRecord"]
		replaced["mutationRecord"] = object{"mutateTime": "2026-01-02T03:04:" + c.next() + "Z"}
		c.completeAlert(replaced)
		c.resources[collection+"/"+id] = replaced
		return replaced, nil
	}
	return c.find(r.method, collection+"/"+id)
}

// completeAlert gives the conditions of a policy their names, and it the
// default of enabled.
func (c *Cloud) completeAlert(policy object) {
	if policy["enabled"] == nil {
		policy["enabled"] = true
	}
	conditions, _ := policy["conditions"].([]any)
	for _, condition := range conditions {
		if condition := condition.(object); condition["name"] == nil {
			condition["name"] = policy["name"].(string) + "/conditions/" + c.next()
		}
	}
}

// checkAlert refuses a PromQL condition on a metric that has no points yet,
// unless it is told not to look.
func (c *Cloud) checkAlert(policy object) error {
	conditions, _ := policy["conditions"].([]any)
	if len(conditions) == 0 {
		return invalid("a policy needs a condition")
	}
	for _, condition := range conditions {
		promql, _ := condition.(object)["conditionPrometheusQueryLanguage"].(object)
		if promql != nil && promql["disableMetricValidation"] != true {
			return &failure{code: 404, status: "NOT_FOUND", message: "Cannot find metric that matches the query. " +
				"If a metric was created recently, it could take up to 10 minutes to become available. Please try again soon."}
		}
	}
	return nil
}

func (c *Cloud) metrics(r request) (any, error) {
	collection := "logging/projects/" + Project + "/metrics"
	_, id, _ := strings.Cut(r.name, "/metrics/")
	switch r.method {
	case http.MethodPost:
		id, _ = r.in["name"].(string)
		r.in["createTime"] = "2026-01-02T03:04:05Z"
		return c.add(collection+"/"+id, r.in)
	case http.MethodPut:
		r.in["name"], r.in["updateTime"] = id, "2026-01-02T03:05:"+c.next()+"Z"
		c.resources[collection+"/"+id] = r.in
		return r.in, nil
	}
	if id == "" {
		return c.list(collection, "metrics")
	}
	return c.find(r.method, collection+"/"+id)
}

// patched returns a copy of a resource with the fields of an updateMask, in
// their protobuf names, from a request.
func patched(old object, r request) object {
	merged := copied(old)
	for field := range strings.SplitSeq(r.query.Get("updateMask"), ",") {
		words := strings.Split(field, "_")
		for i, word := range words[1:] {
			words[i+1] = strings.ToUpper(word[:1]) + word[1:]
		}
		key := strings.Join(words, "")
		if merged[key] = r.in[key]; merged[key] == nil {
			delete(merged, key)
		}
	}
	return merged
}

// logBuckets are those of Cloud Logging. One that is deleted waits for seven
// days, and its name with it.
func (c *Cloud) logBuckets(r request) (any, error) {
	parent, id, _ := strings.Cut(r.name, "/buckets")
	if id == "" && r.method == http.MethodGet {
		return c.listLogBuckets(parent), nil
	}
	if id == "" {
		id = "/" + r.query.Get("bucketId")
		r.in["name"], r.in["lifecycleState"] = parent+"/buckets"+id, "ACTIVE"
		if r.in["retentionDays"] == nil {
			r.in["retentionDays"] = 30
		}
		return c.add("logbuckets/"+parent+"/buckets"+id, r.in)
	}
	name := "logbuckets/" + r.name
	bucket := c.resources[name]
	if bucket == nil {
		return nil, notFound(r.name)
	}
	deleted := bucket["lifecycleState"] == "DELETE_REQUESTED"
	switch {
	case r.verb == ":undelete":
		if !deleted {
			return nil, precondition("%s is not deleted", r.name)
		}
		bucket["lifecycleState"] = "ACTIVE"
		return object{}, nil
	case r.method == http.MethodGet:
		return bucket, nil
	case deleted:
		return nil, precondition("%s is deleted", r.name)
	case r.method == http.MethodDelete:
		bucket["lifecycleState"] = "DELETE_REQUESTED"
		return object{}, nil
	}
	return c.updateLogBucket(name, r)
}

func (c *Cloud) listLogBuckets(location string) object {
	items := []any{}
	prefix := "logbuckets/" + strings.TrimSuffix(location, "-")
	for _, name := range c.names(prefix) {
		items = append(items, c.resources[name])
	}
	return object{"buckets": items}
}

func (c *Cloud) updateLogBucket(name string, r request) (any, error) {
	mask := r.query.Get("updateMask")
	if strings.Contains(mask, "analytics_enabled") && mask != "analytics_enabled" {
		return nil, invalid("analytics is enabled in an update by itself, not with %s", mask)
	}
	if c.resources[name]["locked"] == true {
		return nil, precondition("%s is locked", name)
	}
	bucket := patched(c.resources[name], r)
	if days, _ := bucket["retentionDays"].(float64); days < 1 || days > 3650 {
		return nil, invalid("a retention of %v days", bucket["retentionDays"])
	}
	c.resources[name] = bucket
	if r.verb == ":updateAsync" {
		location, _, _ := strings.Cut(r.name, "/buckets")
		return c.operation(location, copied(bucket)), nil
	}
	return bucket, nil
}

// sinks route entries to log buckets of the project.
func (c *Cloud) sinks(r request) (any, error) {
	parent, id, _ := strings.Cut(r.name, "/sinks")
	id = strings.Trim(id, "/")
	name := "sinks/" + parent + "/sinks/" + id
	switch {
	case id == "" && r.method == http.MethodGet:
		return c.list("sinks/"+r.name, "sinks")
	case id == "":
		id, _ = r.in["name"].(string)
		r.in["disabled"] = false // said, as a value that gcloud prints
		if err := c.checkSink(r.in); err != nil {
			return nil, err
		}
		return c.add(name+id, r.in)
	case r.method == http.MethodPatch:
		if c.resources[name] == nil {
			return nil, notFound(id)
		}
		sink := patched(c.resources[name], r)
		if err := c.checkSink(sink); err != nil {
			return nil, err
		}
		c.resources[name] = sink
		return sink, nil
	}
	return c.find(r.method, name)
}

// checkSink refuses a destination that is not there, and two exclusions of one
// name.
func (c *Cloud) checkSink(sink object) error {
	destination, _ := sink["destination"].(string)
	if bucket := c.resources["logbuckets/"+strings.TrimPrefix(destination, "logging.googleapis.com/")]; bucket == nil {
		return invalid("there is no %s", destination)
	}
	names := map[any]bool{}
	exclusions, _ := sink["exclusions"].([]any)
	for _, e := range exclusions {
		name := e.(object)["name"]
		if names[name] {
			return invalid("two exclusions are called %v", name)
		}
		names[name] = true
	}
	return nil
}

// channels are how alerts notify people.
func (c *Cloud) channels(r request) (any, error) {
	collection := "channels/projects/" + Project + "/notificationChannels"
	_, id, _ := strings.Cut(r.name, "/notificationChannels/")
	switch {
	case r.method == http.MethodPost:
		id = c.next()
		r.in["name"] = "projects/" + Project + "/notificationChannels/" + id
		if r.in["enabled"] == nil {
			r.in["enabled"] = true
		}
		return c.add(collection+"/"+id, r.in)
	case id == "":
		return c.list(collection, "notificationChannels")
	}
	return c.find(r.method, collection+"/"+id)
}

func (c *Cloud) repositories(r request) (any, error) {
	parent, rest, _ := strings.Cut(r.name, "/repositories")
	if r.method == http.MethodPost {
		name := parent + "/repositories/" + r.query.Get("repositoryId")
		r.in["name"] = name
		if _, err := c.add("artifacts/"+name, r.in); err != nil {
			return nil, err
		}
		return c.operation(parent, copied(r.in)), nil
	}
	if rest == "" {
		return c.list("artifacts/"+r.name, "repositories")
	}
	answer, err := c.find(r.method, "artifacts/"+r.name)
	if r.method == http.MethodDelete && err == nil {
		answer = c.operation(parent, object{})
	}
	return answer, err
}

// builds takes a build of Cloud Run, and has it done at once.
func (c *Cloud) builds(r request) (any, error) {
	if r.verb != ":submit" {
		return nil, notFound(r.name)
	}
	account, _ := r.in["serviceAccount"].(string)
	email := account[strings.LastIndexByte(account, '/')+1:]
	if c.resources["iam/projects/"+Project+"/serviceAccounts/"+email] == nil {
		return nil, invalid("could not resolve source: googleapi: Error 403: %s-compute@developer.gserviceaccount.com does not have storage.objects.get access", Number)
	}
	c.resources["artifacts/projects/"+Project+"/locations/"+Region+"/repositories/cloud-run-source-deploy/packages/"+imageName(r.in)] = object{"build": r.in}
	location := "projects/" + Project + "/locations/" + Region
	operation := c.operation(location, nil)
	_, id, _ := strings.Cut(operation["name"].(string), "/operations/")
	build := object{"id": id, "name": location + "/builds/" + id, "projectId": Project, "status": "SUCCESS",
		"logUrl":  "https://console.cloud.google.com/cloud-build/builds/" + id,
		"results": object{"images": []any{object{"digest": "sha256:" + strings.Repeat("0", 64)}}}}
	operation["metadata"] = object{"@type": "type.googleapis.com/google.devtools.cloudbuild.v1.BuildOperationMetadata", "build": copied(build)}
	build["@type"] = "type.googleapis.com/google.devtools.cloudbuild.v1.Build"
	c.resources["operations/"+operation["name"].(string)]["response"] = build
	return object{"buildOperation": operation, "baseImageUri": "europe-west1-docker.pkg.dev/serverless-runtimes/google-24/runtimes/go127"}, nil
}

func imageName(build object) string {
	uri, _ := build["imageUri"].(string)
	return uri[strings.LastIndexByte(uri, '/')+1:]
}

// services is Cloud Run by its Knative API.
func (c *Cloud) services(r request) (any, error) {
	namespace, id, _ := strings.Cut(r.name, "/services")
	id = strings.Trim(id, "/")
	name := "run/" + namespace + "/services/" + id
	switch r.method {
	case http.MethodPost:
		metadata := r.in["metadata"].(object)
		id, _ = metadata["name"].(string)
		name += id
		if c.resources[name] != nil {
			return nil, exists(id)
		}
		c.resources[name] = c.ready(id, r.in, 1)
		return c.resources[name], nil
	case http.MethodPut:
		old := c.resources[name]
		if old == nil {
			return nil, notFound(id)
		}
		if version := old["metadata"].(object)["resourceVersion"]; r.in["metadata"].(object)["resourceVersion"] != version {
			return nil, conflict(id)
		}
		generation, _ := old["metadata"].(object)["generation"].(float64)
		c.resources[name] = c.ready(id, r.in, int(generation)+1)
		return c.resources[name], nil
	case http.MethodDelete:
		if _, err := c.find(r.method, name); err != nil {
			return nil, err
		}
		return object{"kind": "Status", "status": "Success"}, nil
	}
	if id == "" {
		items := []any{}
		for _, n := range c.names(name) {
			items = append(items, c.resources[n])
		}
		return object{"kind": "ServiceList", "apiVersion": "serving.knative.dev/v1", "metadata": object{}, "items": items}, nil
	}
	return c.find(r.method, name)
}

// ready gives a service what the platform adds: a revision, its two URLs.
func (c *Cloud) ready(id string, service object, generation int) object {
	metadata := service["metadata"].(object)
	metadata["resourceVersion"], metadata["generation"], metadata["uid"] = c.next(), generation, "uid-"+id
	metadata["selfLink"] = "/apis/serving.knative.dev/v1/namespaces/" + Number + "/services/" + id
	annotations, _ := metadata["annotations"].(object)
	if annotations == nil {
		annotations = object{}
		metadata["annotations"] = annotations
	}
	labels, _ := metadata["labels"].(object)
	if labels == nil {
		labels = object{}
		metadata["labels"] = labels
	}
	labels["cloud.googleapis.com/location"] = Region
	annotations["run.googleapis.com/urls"] = `["https://` + id + `-` + Number + `.` + Region + `.run.app","https://` + id + `-abcdefghij-ew.a.run.app"]`
	revision := id + "-0000" + c.next()
	service["status"] = object{
		"observedGeneration": generation, "url": "https://" + id + "-abcdefghij-ew.a.run.app", "address": object{"url": "https://" + id + "-abcdefghij-ew.a.run.app"},
		"latestReadyRevisionName": revision, "latestCreatedRevisionName": revision,
		"traffic":    []any{object{"revisionName": revision, "percent": 100, "latestRevision": true}},
		"conditions": []any{object{"type": "Ready", "status": "True"}, object{"type": "ConfigurationsReady", "status": "True"}, object{"type": "RoutesReady", "status": "True"}},
	}
	return copied(service)
}

// buckets is Cloud Storage: buckets, and objects by upload.
func (c *Cloud) buckets(r request) (any, error) {
	bucket, rest, _ := strings.Cut(strings.TrimPrefix(r.name, "b/"), "/")
	name := "storage/" + bucket
	switch {
	case r.name == "b" && r.method == http.MethodPost:
		id, _ := r.in["name"].(string)
		r.in["id"], r.in["projectNumber"] = id, Number
		return c.add("storage/"+id, r.in)
	case r.name == "b":
		return c.list("storage", "items")
	case rest == "o":
		return c.objects(name+"/", r.query.Get("prefix"), r.query.Get("delimiter")), nil
	case rest == "managedFolders":
		return object{"items": []any{}}, nil
	case rest == "storageLayout":
		return object{"bucket": bucket, "location": Region, "hierarchicalNamespace": object{"enabled": false}}, nil
	case strings.HasPrefix(rest, "o/"):
		return c.find(r.method, name+"/"+strings.ReplaceAll(rest[2:], "/", "%2F"))
	}
	return c.find(r.method, name)
}

// objects lists what begins with a prefix; what has a delimiter behind it is
// listed once, as a prefix itself.
func (c *Cloud) objects(bucket, prefix, delimiter string) object {
	items, prefixes := []any{}, []any{}
	for _, full := range c.names(bucket) {
		name := strings.ReplaceAll(strings.TrimPrefix(full, bucket), "%2F", "/")
		rest, ok := strings.CutPrefix(name, prefix)
		if !ok {
			continue
		}
		if before, _, deeper := strings.Cut(rest, delimiter); delimiter != "" && deeper {
			if p := prefix + before + delimiter; !slices.Contains(prefixes, any(p)) {
				prefixes = append(prefixes, p)
			}
			continue
		}
		items = append(items, c.resources[full])
	}
	return object{"items": items, "prefixes": prefixes}
}

// upload takes an object: metadata and content, in one body of two parts.
func (c *Cloud) upload(u *url.URL, header http.Header, body []byte) (any, error) {
	// gcloud puts the boundary into single quotes, which package mime refuses.
	_, boundary, found := strings.Cut(header.Get("Content-Type"), "boundary=")
	if !found {
		return nil, invalid("an upload of %s is not played", header.Get("Content-Type"))
	}
	parts := multipart.NewReader(bytes.NewReader(body), strings.Trim(boundary, `'"`))
	var content [][]byte
	for {
		part, err := parts.NextRawPart()
		if err != nil {
			break
		}
		text, err := io.ReadAll(part)
		if err != nil {
			return nil, invalid("%v", err)
		}
		content = append(content, text)
	}
	if len(content) != 2 {
		return nil, invalid("an upload of %d parts", len(content))
	}
	metadata := object{}
	if err := json.Unmarshal(content[0], &metadata); err != nil {
		return nil, invalid("%v", err)
	}
	name, _ := metadata["name"].(string)
	if name == "" {
		name = u.Query().Get("name")
	}
	bucket, _, _ := strings.Cut(strings.TrimPrefix(u.Path, "/upload/storage/v1/b/"), "/")
	sum := md5.Sum(content[1])
	o := object{"kind": "storage#object", "bucket": bucket, "name": name, "generation": c.next(), "size": fmt.Sprint(len(content[1])),
		"md5Hash": base64.StdEncoding.EncodeToString(sum[:])}
	c.resources["storage/"+bucket+"/"+strings.ReplaceAll(name, "/", "%2F")] = o
	return o, nil
}
