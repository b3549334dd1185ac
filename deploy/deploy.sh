#!/usr/bin/env bash
# Deploys the function with everything that belongs to it, or updates what
# differs. See --help.
#
# It keeps to bash 3.2 and POSIX tools, for macOS.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
project='' region='' name=livechat-webhook dry_run='' delete='' discard=''
secret='' secret_given='' # if not given, read from the deployed service
redact='' redact_given=''
keep='' keep_given='' location='' notify=''

base_image=go127
oldest_gcloud=528
apis='run cloudbuild artifactregistry logging monitoring secretmanager iam'
build_name=livechat-webhook-build # shared by all functions of the project

usage() {
  cat <<'TEXT'
usage: deploy/deploy.sh --project P --region R [--name N] [--secret-name S] [--redact A,B]
                        [--keep DAYS [--location L]] [--notify EMAIL]... [--dry-run]
       deploy/deploy.sh --project P --region R [--name N] --delete

Deploys the function N (livechat-webhook) to Cloud Run: its APIs, a service
account that may only write logs and read its secret, another one to build it,
the secret S (livechat-secrets) if there is none, metrics, the function itself,
dashboard and alerts.

Safe to run again: it reads first, changes only what differs, and says which.
What a run is not told to change stays as it is, edits by hand included.

  --redact A,B      JSON members whose values are not logged; '' for none
  --keep DAYS       keep webhooks for 1 to 3650 days, in a log bucket N that
                    SQL can query, instead of in the bucket _Default
  --location L      where a new log bucket is (the region R)
  --notify EMAIL    have all alerts send e-mail there; more than one is allowed
  --discard-edits   replace metrics, dashboards, alerts, sink and exclusion that
                    were edited by hand (notification channels, labels and
                    switched-off alerts stay)
  --dry-run         print the commands that would change something
  --delete          delete all of this after asking, and say what stays
TEXT
}

die() { printf 'deploy.sh: %s\n' "$*" >&2; exit 1; }
step() { printf '\n== %s\n' "$*"; }
note() { printf '   %s\n' "$*"; }

arguments() {
  while [ $# -gt 0 ]; do
    case $1 in
    --project | --region | --name | --secret-name | --redact | --keep | --location | --notify)
      [ $# -gt 1 ] || die "$1 needs a value"
      case $1 in
      --project) project=$2 ;;
      --region) region=$2 ;;
      --name) name=$2 ;;
      --secret-name) secret=$2 secret_given=yes ;;
      --redact) redact=$2 redact_given=yes ;;
      --keep) keep=$2 keep_given=yes ;;
      --location) location=$2 ;;
      --notify)
        [[ $2 =~ ^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+$ ]] || die "--notify $2 is not an e-mail address"
        notify="$notify $2"
        ;;
      esac
      shift
      ;;
    --discard-edits) discard=yes ;;
    --dry-run) dry_run=yes ;;
    --delete) delete=yes ;;
    --help | -h) usage; exit 0 ;;
    *) die "unknown argument $1: see --help" ;;
    esac
    shift
  done
  [ -n "$project" ] || die "--project is missing: see --help"
  [ -n "$region" ] || die "--region is missing: see --help"
  [[ $name =~ ^[a-z]([a-z0-9-]{4,28})[a-z0-9]$ ]] || die "--name $name: 6 to 30 lower-case letters, digits and hyphens"
  [ "$name" != "$build_name" ] || die "--name $name is taken by the service account that builds functions"
  [[ $project =~ ^[a-z0-9.:-]+$ ]] || die "--project $project is not a project id"
  [ -z "$secret_given" ] || [[ $secret =~ ^[A-Za-z0-9_-]+$ ]] || die "--secret-name $secret: letters, digits, hyphens and underscores"
  [[ $redact != *@* ]] || die "--redact must not have an @"
  [ -z "$keep_given" ] || { [[ $keep =~ ^[1-9][0-9]{0,3}$ ]] && [ "$keep" -le 3650 ]; } || die "--keep $keep: 1 to 3650 days"
  [ -z "$location" ] || [ -n "$keep" ] || die "--location needs --keep"
  [[ $location =~ ^[a-z0-9-]*$ ]] || die "--location $location is not a location"
  account=$name@$project.iam.gserviceaccount.com
  build_account=$build_name@$project.iam.gserviceaccount.com
}

# --- gcloud ---

# g runs gcloud in the project.
g() { gcloud --project "$project" --quiet "$@"; }

# monitoring runs gcloud on dashboards and alerts. The commands for alerts left
# alpha with gcloud 549.
monitoring() {
  local command=$1
  shift
  if [ "$2" = policies ] && [ "$gcloud" -lt 549 ]; then
    "$command" "$1" alpha monitoring "${@:2}"
  else
    "$command" "$1" monitoring "${@:2}"
  fi
}

# look HINT COMMAND... prints what gcloud reads, and ends the script with the
# hint if it cannot. In a dry run with APIs still off, it finds nothing.
look() {
  local hint=$1
  shift
  [ -z "$apis_off" ] || return 0
  g "$@" 2>"$messages" || { cat "$messages" >&2; die "$hint"; }
}

# exists HINT COMMAND... reports whether gcloud finds something. Any failure
# other than NOT_FOUND ends the script with the hint.
exists() {
  local hint=$1
  shift
  [ -z "$apis_off" ] || return 1
  ! g "$@" >/dev/null 2>"$messages" || return 0
  grep -q NOT_FOUND "$messages" || { cat "$messages" >&2; die "$hint"; }
  return 1
}

# change HINT COMMAND... lets gcloud change something, or prints the command in
# a dry run. It retries a failure that is transient, and ends the script with the
# hint on any other.
change() {
  local hint=$1
  shift
  try "$@" || die "$hint"
}

# try COMMAND... is change without the hint.
try() {
  local count
  changes=$((changes + 1))
  if [ -n "$dry_run" ]; then
    printf '    gcloud --project %q' "$project"; printf ' %q' "$@"; printf '\n'
    return
  fi
  for count in 1 2 3 4 5 6 7 8 9 10; do
    ! attempt "$@" || return 0
    if [ "$count" = 10 ] || ! is_transient; then return 1; fi
    note "not yet; trying again in ${PAUSE:-20} s"
    sleep "${PAUSE:-20}"
  done
}

# attempt runs gcloud once. Its output is shown if it fails; that of a
# deployment, which takes minutes, as it comes.
attempt() {
  case "$1 $2" in
  "run deploy") g "$@" 2>&1 | tee "$messages" ;;
  # The secret goes straight from the generator to Secret Manager.
  "secrets create") random_secret | g "$@" >"$messages" 2>&1 || { cat "$messages" >&2; return 1; } ;;
  *) g "$@" >"$messages" 2>&1 || { cat "$messages" >&2; return 1; } ;;
  esac
}

# is_transient reports whether the failure in $messages may go away by itself. A
# missing permission or a wrong argument does not, unless this run has just
# created what is missing.
is_transient() {
  ! grep -Eq "$permanent" "$messages" || return 1
  grep -Eiq "$transient" "$messages" || { [ -n "$fresh" ] && grep -Eiq "$transient_when_fresh" "$messages"; }
}
permanent='constraints/|orgpolicy'
transient='service account .* does not exist|unknown service account|permission denied on secret|cannot find metric|concurrent policy changes|UNAVAILABLE:|INTERNAL:|DEADLINE_EXCEEDED:'
transient_when_fresh='SERVICE_DISABLED|has not been used in project|actas|storage\.objects\.get|could not resolve source|artifactregistry\.repositories|NOT_FOUND.*service account'

check_gcloud() {
  step "Looking for gcloud and your login"
  command -v gcloud >/dev/null || die "gcloud is missing: https://docs.cloud.google.com/sdk/docs/install"
  gcloud=$(gcloud --version 2>/dev/null | sed -n 's/^Google Cloud SDK \([0-9][0-9]*\).*/\1/p')
  [ "${gcloud:-0}" -ge "$oldest_gcloud" ] || die "gcloud ${gcloud:-of an unknown version} is too old: $oldest_gcloud or later is needed; run gcloud components update"
  [ -n "$(gcloud auth list --filter=status:ACTIVE --format='value(account)' 2>/dev/null)" ] ||
    die "you are not logged in: run gcloud auth login"
  look "project $project does not exist, or you may not see it" projects describe "$project" --format 'value(projectId)' >/dev/null
  note "gcloud $gcloud, project $project"
}

enable_apis() {
  step "APIs"
  local on api off=''
  on=$(look "could not list the APIs: you need roles/serviceusage.serviceUsageViewer" \
    services list --enabled --format 'value(config.name)')
  for api in $apis; do
    grep -qx "$api.googleapis.com" <<<"$on" || off="$off $api.googleapis.com"
  done
  if [ -z "$off" ]; then
    note "on already"
    return
  fi
  note "turning on$off"
  # shellcheck disable=SC2086 # one argument each
  change "could not turn on the APIs: the project needs billing, and you roles/serviceusage.serviceUsageAdmin" \
    services enable $off
  fresh=yes
  [ -z "$dry_run" ] || apis_off=$off
}

# --- what is deployed ---

# read_service reads the deployed function: service has a line "key: value" for
# each of its fields, and is empty if there is none.
read_service() {
  service=$(look "could not list the services of Cloud Run: you need roles/run.viewer" \
    run services list --region "$region" --filter "metadata.name=$name" --format flattened)
  [ -n "$service" ] || return 0
  account=$(field spec.template.spec.serviceAccountName)
  used_secret=$(awk '$1 ~ /env\[[0-9]+\]\.name:$/ && $2 == "LIVECHAT_SECRETS" { key = $1; sub(/name:$/, "valueFrom.secretKeyRef.name:", key) }
    $1 == key { print $2; exit }' <<<"$service")
  [ -n "$secret_given" ] || secret=$used_secret
}

# field KEY prints the value of a field of the service.
field() { awk -v key="$1:" '$1 == key { sub(/^[^ ]+ */, ""); print; exit }' <<<"$service"; }

# is_set NAME reports whether the service has an environment variable.
is_set() { awk -v name="$1" '$1 ~ /env\[[0-9]+\]\.name:$/ && $2 == name { found = 1 } END { exit !found }' <<<"$service"; }

# variable NAME prints the value of an environment variable.
variable() {
  awk -v name="$1" '$1 ~ /env\[[0-9]+\]\.name:$/ && $2 == name { key = $1; sub(/name:$/, "value:", key) }
    $1 == key { sub(/^[^ ]+ */, ""); print; exit }' <<<"$service"
}

# --- accounts and secret ---

make_accounts() {
  step "Service accounts"
  local emails
  emails=$(look "could not list the service accounts: you need roles/iam.serviceAccountViewer" \
    iam service-accounts list --format 'value(email)')
  roles=$(look "could not read the roles in the project: you need roles/resourcemanager.projectIamAdmin" \
    projects get-iam-policy "$project" --flatten 'bindings[].members' --format 'value(bindings.members,bindings.role)')
  if [ "$account" = "$name@$project.iam.gserviceaccount.com" ]; then
    make_account "$name" "LiveChat webhooks" roles/logging.logWriter
  else
    note "the function runs as $account, which was set by hand: its roles stay as they are"
  fi
  # Builds run as this account, since projects made after May 2024 may have
  # none that is allowed to build.
  make_account "$build_name" "LiveChat webhooks: build" roles/run.builder
}

# make_account NAME TITLE ROLE makes an account with a role in the project.
make_account() {
  local email=$1@$project.iam.gserviceaccount.com
  if ! grep -qx "$email" <<<"$emails"; then
    note "creating $email"
    change "could not create the service account: you need roles/iam.serviceAccountAdmin" \
      iam service-accounts create "$1" --display-name "$2"
    fresh=yes
  fi
  if has_role "$email" "$3"; then
    note "$email has $3"
  else
    note "granting $3 to $email"
    change "could not grant $3: you need roles/resourcemanager.projectIamAdmin" \
      projects add-iam-policy-binding "$project" --condition=None --member "serviceAccount:$email" --role "$3"
    fresh=yes
  fi
}

# has_role EMAIL ROLE looks at the lines "member role" in roles.
has_role() { awk -v member="serviceAccount:$1" -v role="$2" '$1 == member && $2 == role { found = 1 } END { exit !found }' <<<"$roles"; }

make_secret() {
  step "Secret"
  if [ -z "$secret" ] && [ -n "$service" ]; then
    note "the function has no LIVECHAT_SECRETS from Secret Manager: this was set by hand, and stays"
    return
  fi
  [ -n "$secret" ] || secret=livechat-secrets
  if exists "could not read the secret: you need roles/secretmanager.admin" secrets describe "$secret"; then
    note "$secret stays as it is"
  elif [ -n "$service" ] && [ -z "$secret_given" ]; then
    note "the function uses $secret, which is not in this project: it stays as it is"
    return
  else
    note "creating $secret with 192 random bits, which are not shown"
    change "could not create the secret: you need roles/secretmanager.admin" \
      secrets create "$secret" --replication-policy automatic --data-file=-
  fi
  roles=''
  if [ -z "$dry_run" ] || exists '' secrets describe "$secret"; then
    roles=$(look "could not read who may read the secret: you need roles/secretmanager.admin" \
      secrets get-iam-policy "$secret" --flatten 'bindings[].members' --format 'value(bindings.members,bindings.role)')
  fi
  has_role "$account" roles/secretmanager.secretAccessor || {
    note "letting $account read it"
    change "could not let the function read the secret: you need roles/secretmanager.admin" \
      secrets add-iam-policy-binding "$secret" --member "serviceAccount:$account" --role roles/secretmanager.secretAccessor
    fresh=yes
  }
}

# random_secret prints 48 hexadecimal digits.
random_secret() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

# --- keeping ---
#
# With --keep, a sink routes the webhooks of the function, and the copies of
# those that were not written, into a log bucket of the same name. An exclusion
# keeps the webhooks out of the bucket _Default: they would be paid twice there,
# and more people may read it. What no sink takes is lost, so the order is
# bucket, sink, exclusion.
#
# Sink and exclusion end their description with the checksum of what this script
# set: if it differs from what is there, somebody edited them, and they stay.

keep_webhooks() {
  step "Keeping webhooks for $keep days"
  local buckets to wanted content sink mark disabled description destination filter
  choose_filters
  read_sink
  choose_location
  to=logging.googleapis.com/projects/$project/locations/$location/buckets/$name
  wanted=$(content_of '' "$to" "$routed")
  content=$(content_of "$disabled" "$destination" "$filter")
  if [ -n "$sink" ] && [ "$content" != "$wanted" ] && [ "$content" != "$mark" ] && [ -z "$discard" ]; then
    note "the sink $name was edited by hand: it and the log bucket stay (--discard-edits replaces it)"
    [ -z "$disabled" ] || note "it is switched off: while there is an exclusion, webhooks are stored nowhere"
    return
  fi
  apply_bucket
  apply_sink
  kept=yes
}

# choose_filters sets the filters for the entries of this function: webhooks, and
# routed, which are webhooks and copies.
choose_filters() {
  local log from
  log=$(variable LOG_ID | sed 's|/|%2F|g')
  from="resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"$name\""
  webhooks="logName=\"projects/$project/logs/${log:-livechat-webhooks}\" AND $from"
  routed="($webhooks) OR (logName=\"projects/$project/logs/run.googleapis.com%2Fstdout\" AND jsonPayload.not_written:* AND $from)"
}

# content_of VALUE... prints a checksum of what a sink or an exclusion does.
content_of() { printf '%s\n' "$@" | checksum; }

# mark_of DESCRIPTION prints the checksum at its end.
mark_of() { sed -n 's/.* \[livechat-webhook \([0-9]*\)\]$/\1/p' <<<"$1"; }

# read_sink reads the sink of this function: sink is its name, and empty if there
# is none.
read_sink() {
  local all
  all=$(look "$logging_hint" logging sinks list --format 'value[separator="|"](name,disabled,description,destination,filter)')
  IFS='|' read -r sink disabled description destination filter < <(grep "^$name|" <<<"$all") || true
  [ "$disabled" = True ] || disabled=''
  mark=$(mark_of "$description")
}

# choose_location chooses where the bucket is, unless it was given: where the
# sink has it, else where an earlier run left it, else in the region of the
# function. A bucket cannot move.
choose_location() {
  local there
  read_buckets
  there=$(sed -n "s|.*/locations/\([^/]*\)/buckets/$name\$|\1|p" <<<"$destination")
  if [ -n "$location" ]; then
    [ -z "$there" ] || [ "$there" = "$location" ] || note "what was kept in $there stays there until its retention ends"
    return 0
  fi
  location=$there
  [ -n "$location" ] || IFS='|' read -r location _ <<<"$buckets"
  [ -n "$location" ] || location=$region
}

# read_buckets reads the log buckets of this name, a line
# "location|days|SQL|state" for each.
read_buckets() {
  # gcloud prints the location for name, but not for parts of it.
  local all
  all=$(look "$logging_hint" logging buckets list \
    --format 'value[separator="|"](name.segment(5),name.segment(3),retentionDays,analyticsEnabled,lifecycleState)')
  buckets=$(sed -n "s/^$name|//p" <<<"$all")
}

# apply_bucket makes the bucket, or changes its retention. SQL is turned on in a
# call by itself, since Google refuses it together with anything else.
apply_bucket() {
  local there days='' sql='' state='' what="the log bucket $name in $location" bucket=("$name" --location "$location")
  IFS='|' read -r there days sql state < <(grep "^$location|" <<<"$buckets") || true
  if [ -z "$there" ]; then
    note "creating $what"
    change "could not create $what: you need roles/logging.configWriter; gcloud logging locations list says where it can be" \
      logging buckets create "${bucket[@]}" --retention-days "$keep" --description "LiveChat webhooks of $name"
    days=$keep
  elif [ "$state" = DELETE_REQUESTED ]; then
    note "$what was to be deleted: undeleting it"
    change "could not undelete $what: you need roles/logging.configWriter" logging buckets undelete "${bucket[@]}"
  fi
  if [ "$days" != "$keep" ]; then
    note "$what: $keep days instead of $days"
    [ "$days" -lt "$keep" ] || note "entries older than $keep days are deleted"
    change "could not change the retention of $what: you need roles/logging.configWriter, and the bucket must not be locked" \
      logging buckets update "${bucket[@]}" --retention-days "$keep"
  elif [ -n "$there" ]; then
    note "$what keeps for $keep days"
  fi
  if [ "$sql" != True ] && [ "$state" != UPDATING ]; then
    note "turning on SQL in it, which takes a few minutes"
    change "could not turn on SQL in $what: you need roles/logging.configWriter" logging buckets update "${bucket[@]}" --enable-analytics --async
  fi
}

apply_sink() {
  local description="LiveChat webhooks of $name [livechat-webhook $wanted]"
  if [ -z "$sink" ]; then
    note "creating the sink $name"
    change "could not create the sink: you need roles/logging.configWriter" \
      logging sinks create "$name" "$to" --log-filter "$routed" --description "$description"
  elif [ "$content" != "$wanted" ] || { [ "$mark" != "$wanted" ] && [ -n "$discard" ]; }; then
    note "updating the sink $name"
    change "could not update the sink: you need roles/logging.configWriter" \
      logging sinks update "$name" "$to" --log-filter "$routed" --description "$description" --no-disabled
  else
    note "the sink $name is up to date"
  fi
}

# exclude_webhooks keeps the webhooks out of the bucket _Default.
exclude_webhooks() {
  step "Keeping webhooks out of the bucket _Default"
  local exclusion mark disabled description filter
  if [ -z "$kept" ]; then
    note "not while the sink is edited by hand, since what no sink takes is lost"
    return
  fi
  read_exclusion
  if [ -z "$exclusion" ]; then
    wait_for_sink
    note "creating the exclusion $name"
    write_exclusion --add-exclusion
  elif [ "$disabled$filter" = "$webhooks" ]; then
    note "the exclusion $name is up to date"
  elif [ "$mark" = "$(content_of "$disabled" "$filter")" ] || [ -n "$discard" ]; then
    wait_for_sink
    note "updating the exclusion $name"
    write_exclusion --update-exclusion ,disabled=
  else
    note "the exclusion $name was edited by hand, and stays (--discard-edits replaces it)"
  fi
}

# read_exclusion reads the exclusion of this function: exclusion is its name, and
# empty if there is none.
read_exclusion() {
  local all
  all=$(look "$logging_hint" logging sinks describe _Default --flatten 'exclusions[]' \
    --format 'value[separator="|"](exclusions.name,exclusions.disabled,exclusions.description,exclusions.filter)')
  IFS='|' read -r exclusion disabled description filter < <(grep "^$name|" <<<"$all") || true
  [ "$disabled" = True ] || disabled=''
  mark=$(mark_of "$description")
}

# write_exclusion OPTION [MORE] adds or updates the exclusion. Its filter has no
# comma, at which gcloud would cut it.
write_exclusion() {
  change "could not change the sink _Default: you need roles/logging.configWriter" logging sinks update _Default \
    "$1" "name=$name,description=LiveChat webhooks of $name [livechat-webhook $(content_of '' "$webhooks")],filter=$webhooks${2:-}"
}

# wait_for_sink waits until a sink that was written just now, maybe by a run that
# was interrupted, surely works: Google does not say how soon it does, and
# webhooks are lost if the exclusion works sooner.
wait_for_sink() {
  [ -z "$dry_run" ] || return 0
  note "waiting for $((${PAUSE:-20} * 9)) s, for the sink to work everywhere"
  sleep "$((${PAUSE:-20} * 9))"
}

# --- the function ---

deploy_function() {
  step "Function $name"
  local source flags=()
  source=$(source_version) || die "could not list the files to deploy"
  settings=() environment=''
  choose_environment
  choose_secret
  [ -z "$environment" ] || settings+=(--update-env-vars "^@^${environment#@}")
  if [ -z "$service" ]; then
    flags=(--service-account "$account" --cpu 1 --memory 512Mi --concurrency 80 --timeout 30 --max-instances 10 --no-allow-unauthenticated)
    note "deploying; this takes a few minutes"
  elif ! is_deployed "$source"; then
    note "deploying the new version; this takes a few minutes"
  elif [ "${#settings[@]}" -gt 0 ]; then
    change "could not update the function: you need roles/run.developer, and roles/iam.serviceAccountUser on $account" \
      run services update "$name" --region "$region" "${settings[@]}"
    return
  else
    note "this version is deployed, its settings stay as they are"
    return
  fi
  # A build account that was set by hand stays, as gcloud keeps it.
  if [ -z "$(field metadata.annotations.run.googleapis.com/build-service-account)" ]; then
    flags+=(--build-service-account "projects/$project/serviceAccounts/$build_account")
  fi
  try run deploy "$name" --region "$region" --source "$here/.." --function LiveChatWebhook --base-image "$base_image" \
    --update-labels "livechat-webhook-source=$source" \
    ${flags[@]+"${flags[@]}"} ${settings[@]+"${settings[@]}"} || die "$(why_not_deployed)"
}

# source_version prints a number that changes with what is deployed.
source_version() {
  (
    cd "$here/.."
    printf 'LiveChatWebhook %s\n' "$base_image"
    gcloud meta list-files-for-upload . | LC_ALL=C sort | while IFS= read -r file; do cksum "$file"; done
  ) | cksum | tr ' ' '-'
}

# is_deployed SOURCE reports whether that version is deployed, and could start.
is_deployed() {
  local ready
  ready=$(field status.latestReadyRevisionName)
  [ "$(field metadata.labels.livechat-webhook-source)" = "$1" ] &&
    [ -n "$ready" ] && [ "$ready" = "$(field status.latestCreatedRevisionName)" ]
}

# choose_environment chooses the variables to set. What is set stays, except
# what this run is told to change.
choose_environment() {
  local cpu memory
  cpu=$(field 'spec.template.spec.containers[0].resources.limits.cpu')
  memory=$(field 'spec.template.spec.containers[0].resources.limits.memory')
  add_variable GOOGLE_CLOUD_PROJECT "$project"
  # One processor is what one CPU can use; with two threads at work a webhook
  # took 108 µs instead of 98.
  if is_one "$cpu"; then add_variable GOMAXPROCS 1; fi
  # The live heap is a few MB, so collecting at five times of it instead of
  # twice costs little memory and saves a fifth of the CPU (123 µs to 98). The
  # limit keeps a burst of large bodies, which peaked at 399 MB, within the 512
  # MiB: a quarter of them is left to what is not Go's heap.
  [ "${memory:-512Mi}" != 512Mi ] || { add_variable GOGC 400; add_variable GOMEMLIMIT 384MiB; }
  if [ "$(variable GOMAXPROCS)" = 1 ] && ! is_one "$cpu"; then
    note "GOMAXPROCS is 1, but there are $cpu CPUs: to use them, gcloud run services update $name --region $region --project $project --update-env-vars GOMAXPROCS=$cpu"
  fi
  if [ -n "$redact_given" ] && [ "$redact" != "$(variable LIVECHAT_REDACT)" ]; then
    if [ -n "$redact" ]; then
      note "redacting $redact"
      environment="$environment@LIVECHAT_REDACT=$redact"
    elif is_set LIVECHAT_REDACT; then
      note "redacting nothing any more"
      settings+=(--remove-env-vars LIVECHAT_REDACT)
    fi
  fi
}

# is_one reports whether that much CPU is one, which a new service gets.
is_one() { [ "${1:-1}" = 1 ] || [ "$1" = 1000m ]; }

# add_variable NAME VALUE sets a variable unless the service has it.
add_variable() {
  ! is_set "$1" || return 0
  [ -z "$service" ] || note "setting $1=$2"
  environment="$environment@$1=$2"
}

# choose_secret makes the function use the secret, if it does not yet.
choose_secret() {
  if [ -z "$service" ]; then
    settings+=(--update-secrets "LIVECHAT_SECRETS=$secret:latest")
  elif [ -n "$secret_given" ] && [ "$secret" != "$used_secret" ]; then
    note "using the secret $secret; webhooks registered with another one are refused from now on"
    settings+=(--update-secrets "LIVECHAT_SECRETS=$secret:latest")
  fi
}

# why_not_deployed says what to do about the failure in $messages.
why_not_deployed() {
  if grep -Eiq 'constraints/|orgpolicy' "$messages"; then
    echo "an organization policy forbids this deployment: ask its administrator for an exception for $project"
  elif grep -Eiq 'storage\.objects\.get|could not resolve source|build.*(failed|denied)' "$messages"; then
    echo "the build failed: see above. The account that builds needs roles/run.builder"
  elif grep -iq actas "$messages"; then
    echo "you need roles/iam.serviceAccountUser on $account and $build_account"
  else
    echo "could not deploy: see above. You need roles/run.sourceDeveloper, and roles/iam.serviceAccountUser on $account and $build_account"
  fi
}

# make_public lets LiveChat, which has no Google credentials, call a function
# that never ran before. Later runs leave access as it is.
make_public() {
  step "Access"
  local open="gcloud run services update $name --region $region --project $project --no-invoker-iam-check"
  if [ -n "$(field status.latestReadyRevisionName)" ]; then
    if is_public; then
      note "public"
    else
      note "not public: LiveChat gets 403, unless something in front of it calls it. To open it:"
      note "$open"
    fi
    return
  fi
  note "making it public: the secret keeps others out"
  try run services update "$name" --region "$region" --no-invoker-iam-check && return
  unreachable=yes
  if grep -Eiq 'requireInvokerIam|constraints/|orgpolicy' "$messages"; then
    note "Your organization forbids this (policy run.managed.requireInvokerIam). Unless it also forbids allUsers, this works:"
    note "gcloud run services add-iam-policy-binding $name --region $region --project $project --member allUsers --role roles/run.invoker"
    note "Otherwise ask for an exception for $project, or put a proxy that has credentials in front, such as API Gateway."
  else
    note "You need roles/run.admin. Somebody who has it can run:"
    note "$open"
  fi
}

is_public() {
  case $(field metadata.annotations.run.googleapis.com/invoker-iam-disabled) in [Tt]rue) return ;; esac
  local all
  all=$(look "could not read who may call the function: you need roles/run.viewer" \
    run services get-iam-policy "$name" --region "$region" --flatten 'bindings[].members' --format 'value(bindings.members,bindings.role)') || exit
  grep -q '^allUsers' <<<"$all"
}

# --- metrics, dashboard, alerts ---
#
# Each carries a version "OURS-CONTENT": the checksum of the file it was created
# from, and the checksum of what Google returned for it afterwards. If OURS is
# that of the file now, there is nothing to do. If not, and CONTENT is still what
# Google returns, nobody has edited it, and it is updated. Otherwise it is kept.

# fill FILE writes a file of this folder to $filled, with its placeholders
# filled in, and sets ours.
fill() {
  sed -e "s/@PROJECT@/$project/g" -e "s/@SERVICE@/$name/g" -e "s/@LOCATION@/$location/g" -e "s/@BUCKET@/$name/g" "$here/$1" >"$filled"
  ours=$(checksum <"$filled")
}

checksum() { cksum | sed 's/ .*//'; }

# title prints the displayName of $filled.
title() { sed -n 's/^  "displayName": *"\(.*\)",*$/\1/p' "$filled" | sed -n 1p; }

# verdict WHAT VERSION CONTENT... says what to do with something that exists:
# "keep" or "update". CONTENT is a command that prints the content's checksum.
verdict() {
  local what=$1 version=$2 content
  shift 2
  verdict=keep
  if [ "${version%-*}" = "$ours" ] && [ -z "$discard" ]; then
    note "$what is up to date"
    return
  fi
  content=$("$@") || die "could not read $what"
  if [ -n "$version" ] && [ "${version#*-}" = "$content" ]; then
    if [ "${version%-*}" = "$ours" ]; then
      note "$what is up to date"
      return
    fi
    verdict=update
    note "updating $what"
  elif [ -n "$discard" ]; then
    verdict=update
    note "replacing $what and the edits in it"
  else
    note "$what was edited by hand, and stays (--discard-edits replaces it)"
    [ -n "$version" ] || note "(or it comes from an older deploy.sh, which did not mark it)"
  fi
}

apply_metrics() {
  step "Metrics"
  local metric f written=()
  read_metrics
  for f in "$here"/metrics/*.json; do
    metric=$(basename "$f" .json)
    fill "metrics/$metric.json"
    if ! grep -q "^$metric|" <<<"$all_metrics"; then
      note "creating $metric"
      write_metric create "$metric"
    else
      verdict "$metric" "$(metric_version "$metric")" metric_content "$metric"
      [ "$verdict" != update ] || write_metric update "$metric"
    fi
  done
  if [ "${#written[@]}" = 0 ] || [ -n "$dry_run" ]; then return 0; fi
  read_metrics
  for metric in "${written[@]}"; do stamp_metric "$metric"; done
}

# read_metrics reads all metrics, a line "name|content|description" for each.
read_metrics() {
  all_metrics=$(look "could not list metrics: you need roles/logging.configWriter" logging metrics list \
    --format 'value[separator="|"](name,filter,labelExtractors,valueExtractor,metricDescriptor,bucketOptions,disabled,description)')
}

metric_content() { grep "^$1|" <<<"$all_metrics" | sed 's/|[^|]*$//' | checksum; }

# metric_version NAME prints what stamp_metric wrote.
metric_version() { sed -n "s/^$1|.* \[livechat-webhook \([0-9]*-[0-9]*\)\]\$/\1/p" <<<"$all_metrics"; }

# write_metric create|update NAME writes a metric from $filled.
write_metric() {
  change "could not $1 the metric $2: you need roles/logging.configWriter" logging metrics "$1" "$2" --config-from-file "$filled"
  written+=("$2")
}

# stamp_metric NAME writes the version of a metric to the end of its
# description, as metrics have no labels.
stamp_metric() {
  local description
  fill "metrics/$1.json"
  description=$(sed -n 's/^  "description": *"\(.*\)",$/\1/p' "$filled")
  change "could not update the metric $1: you need roles/logging.configWriter" \
    logging metrics update "$1" --description "$description [livechat-webhook $ours-$(metric_content "$1")]"
}

# find_ours PART finds a dashboard or alert among those in ours_of_kind: id is
# empty if there is none. One without a label, made before there were labels, is
# found by its title, and has no version.
find_ours() {
  local line
  line=$(awk -F'|' -v part="${name}_$1" -v title="$(title)" '
    $2 == part { found = $0 }
    $2 == "" && $7 == title { old = $0 }
    END { print found != "" ? found : old }' <<<"$ours_of_kind")
  IFS='|' read -r id _ version labels etag channels _ <<<"$line"
}

# list_ours KIND lists dashboards or policies as
# "name|part|version|labels|etag|channels|title".
list_ours() {
  local key=userLabels
  [ "$1" != dashboards ] || key=labels
  monitoring look "could not list $1: you need roles/monitoring.editor, and before gcloud 549 gcloud components install alpha" "$1" list \
    --format "value[separator=\"|\"](name,$key.livechat_webhook,$key.livechat_webhook_version,$key,etag,notificationChannels,displayName)"
}

# other_labels LABELS FORMAT prints those of the labels "a=b;c=d" that are not
# ours, each as a format of printf says.
other_labels() {
  local pair
  tr ';' '\n' <<<"$1" | sed -e '/^livechat_webhook/d' -e '/^$/d' | while IFS= read -r pair; do
    # shellcheck disable=SC2059 # the format is ours
    printf "$2" "${pair%%=*}" "${pair#*=}"
  done
}

# created prints the name of what gcloud has just created.
created() { sed -n 's|^\(projects/[^ ]*\)$|\1|p' "$messages"; }

# apply_dashboards applies the one of metrics, and with --keep the one of SQL.
apply_dashboards() {
  step "Dashboards"
  ours_of_kind=$(list_ours dashboards)
  apply_dashboard dashboard
  [ -z "$kept" ] || apply_dashboard chats
}

apply_dashboard() {
  local part=$1 id version labels etag channels
  fill "$part.json"
  find_ours "$part"
  if [ -z "$id" ]; then
    note "creating $part"
    dashboard_file '' '' ''
    monitoring change "$monitoring_hint" dashboards create --config-from-file "$filled.labeled" --format 'value(name)'
    stamp_dashboard "$(created)" ''
    return
  fi
  verdict "$part" "$version" dashboard_content "$id"
  [ "$verdict" = update ] || return 0
  replace_dashboard "$id" "$labels" "$etag" ''
  stamp_dashboard "$id" "$labels"
}

dashboard_content() {
  monitoring look "$monitoring_hint" dashboards describe "$1" --format 'json(displayName,mosaicLayout,gridLayout,rowLayout,columnLayout,dashboardFilters)' | checksum
}

# stamp_dashboard ID LABELS gives a dashboard its version.
stamp_dashboard() {
  local etag content
  [ -z "$dry_run" ] || return 0
  etag=$(monitoring look "$monitoring_hint" dashboards describe "$1" --format 'value(etag)')
  content=$(dashboard_content "$1")
  replace_dashboard "$1" "$2" "$etag" "$ours-$content"
}

# replace_dashboard ID LABELS ETAG VERSION replaces a dashboard and keeps the
# labels of others. The etag was read before the content was judged: an edit
# since then fails the command instead of getting lost.
replace_dashboard() {
  dashboard_file "$3" "$2" "$4"
  monitoring change "$monitoring_hint" dashboards update "$1" --config-from-file "$filled.labeled"
}

# dashboard_file ETAG LABELS VERSION writes $filled, which is $part, with these to
# $filled.labeled.
dashboard_file() {
  {
    printf '{\n'
    [ -z "$1" ] || printf '  "etag": "%s",\n' "$1"
    printf '  "labels": {\n'
    other_labels "$2" '    "%s": "%s",\n'
    [ -z "$3" ] || printf '    "livechat_webhook_version": "%s",\n' "$3"
    printf '    "livechat_webhook": "%s"\n  },\n' "${name}_$part"
    sed 1d "$filled"
  } >"$filled.labeled"
}

apply_alerts() {
  step "Alerts"
  local part f id version labels etag channels
  ours_of_kind=$(list_ours policies)
  for f in "$here"/alerts/*.json; do
    part=$(basename "$f" .json)
    fill "alerts/$part.json"
    find_ours "$part"
    if [ -z "$id" ]; then
      note "creating $part"
      monitoring change "$monitoring_hint" policies create --policy-from-file "$filled" \
        --user-labels "livechat_webhook=${name}_$part" --format 'value(name)'
      stamp_alert "$(created)"
      continue
    fi
    verdict "$part" "$version" alert_content "$id"
    [ "$verdict" != update ] || update_alert "$id" "$part" "$labels"
  done
}

alert_content() {
  monitoring look "$monitoring_hint" policies describe "$1" --format 'json(displayName,documentation,conditions,combiner,alertStrategy,severity)' | checksum
}

# update_alert ID PART LABELS replaces an alert. gcloud would replace its
# channels, its labels and its switch too, so they are carried over.
update_alert() {
  local enabled carried=()
  enabled=$(monitoring look "$monitoring_hint" policies describe "$1" --format 'value(enabled)')
  [ -z "$channels" ] || carried+=(--set-notification-channels "$(tr ';' ',' <<<"$channels")")
  [ "$enabled" = True ] || carried+=(--no-enabled)
  monitoring change "$monitoring_hint" policies update "$1" --policy-from-file "$filled" \
    --update-user-labels "$(other_labels "$3" '%s=%s,')livechat_webhook=${name}_$2" ${carried[@]+"${carried[@]}"}
  stamp_alert "$1"
}

# stamp_alert ID gives an alert its version, and changes nothing else of it.
stamp_alert() {
  local content
  [ -z "$dry_run" ] || return 0
  content=$(alert_content "$1")
  monitoring change "$monitoring_hint" policies update "$1" --update-user-labels "livechat_webhook_version=$ours-$content"
}

# --- notification channels ---

# notify_people makes a channel for each address unless there is one, and adds it
# to all alerts. Channels that are there already stay.
notify_people() {
  step "Notification channels"
  local all email found='' f id version labels etag channels
  all=$(look "$channels_hint" beta monitoring channels list --format 'value[separator="|"](type,labels.email_address,enabled,name)')
  for email in $notify; do find_channel; done
  ours_of_kind=$(list_ours policies)
  for f in "$here"/alerts/*.json; do
    fill "alerts/$(basename "$f")"
    find_ours "$(basename "$f" .json)"
    add_channels "$(basename "$f" .json)"
  done
}

# find_channel finds or makes the channels for $email, and adds them to found as
# one line.
find_channel() {
  local lines name
  lines=$(awk -F'|' -v email="$email" '$1 == "email" && tolower($2) == tolower(email)' <<<"$all")
  if [ -z "$lines" ]; then
    note "creating one for $email"
    change "$channels_hint" beta monitoring channels create --display-name "LiveChat webhooks: $email" --type email \
      --channel-labels "email_address=$email" --format 'value(name)'
    name=$(created)
    lines="email|$email|True|${name:-NEW}" # of a dry run
    all="$all
$lines"
  elif ! grep -q '|True|' <<<"$lines"; then
    note "the one for $email is switched off, and stays so"
  fi
  found="$found$(awk -F'|' '{ printf "%s ", $4 }' <<<"$lines")
"
}

# add_channels PART adds to that alert, found as id, one channel of each line in
# found, unless it has one of the line.
add_channels() {
  local line channel missing=''
  while read -r line; do
    for channel in $line; do
      case ";$channels;$missing;" in *";$channel;"*) continue 2 ;; esac
    done
    [ -z "$line" ] || missing="$missing${missing:+;}${line%% *}"
  done <<<"$found"
  if [ -z "$missing" ]; then
    note "$1 notifies them"
  elif [ -n "$id" ]; then # always, except in a dry run
    note "$1 notifies them from now on"
    monitoring change "$monitoring_hint" policies update "$id" --add-notification-channels "$(tr ';' ',' <<<"$missing")"
  fi
}

# --- the end ---

say_what_is_next() {
  step "Done"
  if [ -n "$dry_run" ]; then
    if [ "$changes" = 0 ]; then note "Nothing would be changed."; else note "A run without --dry-run makes the changes above: $changes"; fi
    return
  fi
  if [ "$changes" = 0 ]; then
    note "Nothing had to be changed."
  fi
  local url
  url=$(look "could not read the function's URL: you need roles/run.viewer" \
    run services describe "$name" --region "$region" --format 'value(status.url)')
  note "The function's URL is $url"
  note "(It has another one, which gcloud run deploy prints. Both work; register this one.)"
  [ -z "$secret" ] || cat <<TEXT
   To register it in LiveChat, fill in the account id, the token and the client id:

    LIVECHAT_ACCOUNT_ID=… LIVECHAT_PAT=… \\
    LIVECHAT_SECRETS="\$(gcloud secrets versions access latest --secret $secret --project $project)" \\
    go run ./cmd/register -url $url -client-id …
TEXT
  [ -z "$unreachable" ] || die "LiveChat cannot reach the function yet: see Access above"
}

delete_all() {
  local answer others
  read_service
  [ -n "$secret" ] || secret=livechat-secrets
  others=$(list_ours dashboards | awk -F'|' -v ours="${name}_dashboard" '
    $2 ~ /_dashboard$/ && $2 != ours { sub(/_dashboard$/, "", $2); printf " %s", $2 }')
  if [ -z "$dry_run" ]; then
    printf '\nDelete the function %s in %s (%s) with its alerts, dashboards, sink, service account, images and sources' "$name" "$project" "$region"
    [ -n "$others" ] || printf ', the metrics, and the service account that builds'
    printf '? Type yes: '
    read -r answer || answer=
    [ "$answer" = yes ] || die "nothing was deleted"
  fi
  step "Deleting"
  delete_exclusion
  delete_monitoring
  delete_service
  delete_sink
  close_secret
  delete_account "$name" roles/logging.logWriter
  if [ -z "$others" ]; then
    delete_metrics
    delete_account "$build_name" roles/run.builder
  fi
  say_what_stays
}

# delete_exclusion has webhooks stored in the bucket _Default again. It goes
# first: without the sink it would lose them.
delete_exclusion() {
  local exclusion mark disabled description filter
  read_exclusion
  [ -n "$mark" ] || return 0
  note "exclusion $exclusion of the sink _Default"
  change "could not change the sink _Default: you need roles/logging.configWriter" logging sinks update _Default --remove-exclusions "$exclusion"
}

delete_sink() {
  local sink mark disabled description destination filter
  read_sink
  [ -n "$mark" ] || return 0
  note "sink $sink"
  change "could not delete the sink: you need roles/logging.configWriter" logging sinks delete "$sink"
}

delete_monitoring() {
  local f part id version labels etag channels
  ours_of_kind=$(list_ours policies)
  for f in "$here"/alerts/*.json; do
    part=$(basename "$f" .json)
    fill "alerts/$part.json"
    find_ours "$part"
    [ -n "$id" ] || continue
    note "alert $part"
    monitoring change "could not delete the alert: you need roles/monitoring.editor" policies delete "$id"
  done
  ours_of_kind=$(list_ours dashboards)
  for part in dashboard chats; do
    fill "$part.json"
    find_ours "$part"
    [ -n "$id" ] || continue
    note "dashboard $part"
    monitoring change "could not delete the dashboard: you need roles/monitoring.editor" dashboards delete "$id"
  done
}

delete_service() {
  local sources package=("$name" --repository cloud-run-source-deploy --location "$region")
  if [ -n "$service" ]; then
    note "function $name"
    change "could not delete the function: you need roles/run.admin" run services delete "$name" --region "$region"
  fi
  if exists "could not read the images: you need roles/artifactregistry.repoAdmin" artifacts packages describe "${package[@]}"; then
    note "its images"
    change "could not delete the images: you need roles/artifactregistry.repoAdmin" artifacts packages delete "${package[@]}"
  fi
  sources=$(field metadata.annotations.run.googleapis.com/build-source-location)
  case $sources in
  gs://*/services/"$name"/*)
    note "its sources, which were uploaded to be built"
    try storage rm --recursive "${sources%/*}/" || grep -q 'matched no objects' "$messages" ||
      die "could not delete the sources: you need roles/storage.objectAdmin"
    ;;
  esac
}

# close_secret takes the right to read the secret away from the account that
# this script made.
close_secret() {
  account=$name@$project.iam.gserviceaccount.com
  exists "could not read the secret: you need roles/secretmanager.admin" secrets describe "$secret" || return 0
  roles=$(look "could not read who may read the secret: you need roles/secretmanager.admin" \
    secrets get-iam-policy "$secret" --flatten 'bindings[].members' --format 'value(bindings.members,bindings.role)')
  has_role "$account" roles/secretmanager.secretAccessor || return 0
  note "the right of $account to read $secret"
  change "could not take the right to read the secret away: you need roles/secretmanager.admin" \
    secrets remove-iam-policy-binding "$secret" --member "serviceAccount:$account" --role roles/secretmanager.secretAccessor
}

# delete_account NAME ROLE deletes an account that this script made. Its role
# goes first: the project would go on listing it for a deleted account.
delete_account() {
  local email=$1@$project.iam.gserviceaccount.com
  exists "could not read the service accounts: you need roles/iam.serviceAccountAdmin" iam service-accounts describe "$email" || return 0
  note "service account $email and its role"
  roles=$(look "could not read the roles in the project: you need roles/resourcemanager.projectIamAdmin" \
    projects get-iam-policy "$project" --flatten 'bindings[].members' --format 'value(bindings.members,bindings.role)')
  if has_role "$email" "$2"; then
    change "could not take $2 away: you need roles/resourcemanager.projectIamAdmin" \
      projects remove-iam-policy-binding "$project" --condition=None --member "serviceAccount:$email" --role "$2"
  fi
  change "could not delete the service account: you need roles/iam.serviceAccountAdmin" iam service-accounts delete "$email"
}

delete_metrics() {
  local f metric all
  all=$(look "could not list metrics: you need roles/logging.configWriter" logging metrics list --format 'value(name)')
  for f in "$here"/metrics/*.json; do
    metric=$(basename "$f" .json)
    grep -qx "$metric" <<<"$all" || continue
    note "metric $metric"
    change "could not delete the metric: you need roles/logging.configWriter" logging metrics delete "$metric"
  done
}

say_what_stays() {
  local buckets days state
  step "What stays"
  note "Log entries, until their retention ends."
  read_buckets
  while IFS='|' read -r location days _ state; do
    if [ -z "$location" ] || [ "$state" = DELETE_REQUESTED ]; then continue; fi
    note "The log bucket $name in $location, which keeps webhooks for $days days. To delete them all: gcloud logging buckets delete $name --location $location --project $project"
  done <<<"$buckets"
  note "Notification channels, which other alerts may use."
  note "The secret $secret, which LiveChat may still send. To delete it: gcloud secrets delete $secret --project $project"
  [ -z "$others" ] || note "The metrics and $build_name, which other functions use:$others"
  note "The APIs that were turned on."
  note "The repository cloud-run-source-deploy and the bucket for sources, without what belonged to $name: other services share them."
  note "The webhooks registered in LiveChat. To remove them: go run ./cmd/register -unregister"
}

logging_hint="could not read how logs are routed: you need roles/logging.configWriter"
channels_hint="could not read or create notification channels: you need roles/monitoring.editor, and gcloud components install beta"
monitoring_hint="could not change dashboard or alert: you need roles/monitoring.editor; if somebody edited it just now, run this again"

arguments "$@"
gcloud=0 apis_off='' fresh='' unreachable='' changes=0 service='' used_secret='' roles='' kept=''
filled=$(mktemp)
messages=$(mktemp)
trap 'rm -f "$filled" "$filled.labeled" "$messages"' EXIT
check_gcloud
if [ -n "$delete" ]; then
  delete_all
  exit
fi
enable_apis
read_service
make_accounts
make_secret
apply_metrics
[ -z "$keep" ] || keep_webhooks
deploy_function
make_public
apply_dashboards
apply_alerts
[ -z "$notify" ] || notify_people
[ -z "$keep" ] || exclude_webhooks
say_what_is_next
