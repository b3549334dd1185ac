#!/usr/bin/env bash
# Deploys the function with all that belongs to it, or brings what is there up
# to date. See --help.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
project='' region='' name=livechat-webhook secret=livechat-secrets redact='' dry_run='' delete=''

usage() {
  cat <<'TEXT'
usage: deploy/deploy.sh --project P --region R [--name N] [--secret-name S] [--redact A,B] [--dry-run]
       deploy/deploy.sh --project P --region R [--name N] --delete

Deploys the function N (livechat-webhook) to Cloud Run: its APIs, a service
account that may write logs and read its secret, the secret S (livechat-secrets)
if there is none, the function itself, metrics, dashboard and alerts. Safe to
run again: what is there is updated, and the secret is left alone.

  --redact A,B  JSON members whose values are not logged
  --dry-run     print the commands that would change something
  --delete      delete the function, its service account, metrics, dashboard
                and alerts, after asking; secret and log entries stay
TEXT
}

die() { printf 'deploy.sh: %s\n' "$*" >&2; exit 1; }
step() { printf '\n== %s\n' "$*"; }

# g asks gcloud for something in the project.
g() { gcloud --project "$project" --quiet "$@"; }

# change lets gcloud change something, or prints the command.
change() {
  if [ -n "$dry_run" ]; then
    printf '    gcloud --project %q' "$project"; printf ' %q' "$@"; printf '\n'
  else
    g "$@"
  fi
}

# there tells whether a command finds what it asks for.
there() { "$@" >/dev/null 2>&1; }

# patient runs a change that may fail until what it needs is known everywhere.
patient() {
  local try
  for try in 1 2 3 4 5 6 7 8 9 10; do
    if change "$@"; then return; fi
    [ "$try" = 10 ] || { echo "   not yet; once more in ${PAUSE:-20} s"; sleep "${PAUSE:-20}"; }
  done
  return 1
}

# file FILE prints a file of this folder with its placeholders filled in.
file() { sed -e "s/@PROJECT@/$project/g" -e "s/@SERVICE@/$name/g" "$here/$1"; }

# display_name prints the first displayName in the JSON on standard input.
display_name() { grep -om1 '"displayName": *"[^"]*"' | cut -d '"' -f 4; }

arguments() {
  while [ $# -gt 0 ]; do
    case $1 in
    --project | --region | --name | --secret-name | --redact)
      [ $# -gt 1 ] || die "$1 needs a value"
      case $1 in
      --project) project=$2 ;;
      --region) region=$2 ;;
      --name) name=$2 ;;
      --secret-name) secret=$2 ;;
      --redact) redact=$2 ;;
      esac
      shift
      ;;
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
  [[ $project =~ ^[a-z0-9.:-]+$ ]] || die "--project $project is not a project id"
  [[ $redact != *@* ]] || die "--redact must not have an @"
  account=$name@$project.iam.gserviceaccount.com
}

check_login() {
  step "Looking for gcloud and your login"
  command -v gcloud >/dev/null || die "gcloud is missing: https://docs.cloud.google.com/sdk/docs/install"
  [ -n "$(gcloud auth list --filter=status:ACTIVE --format='value(account)' 2>/dev/null)" ] ||
    die "you are not logged in: run gcloud auth login"
  there g projects describe "$project" || die "project $project is not there, or not yours to see"
}

enable_apis() {
  step "Turning on the APIs"
  change services enable run.googleapis.com cloudbuild.googleapis.com artifactregistry.googleapis.com \
    logging.googleapis.com monitoring.googleapis.com secretmanager.googleapis.com iam.googleapis.com ||
    die "could not turn on the APIs: the project needs billing, and you the role roles/serviceusage.serviceUsageAdmin"
}

make_account() {
  step "Making the service account $account, which may write logs"
  there g iam service-accounts describe "$account" ||
    change iam service-accounts create "$name" --display-name "LiveChat webhooks" ||
    die "could not make the service account: you need roles/iam.serviceAccountAdmin"
  patient projects add-iam-policy-binding "$project" --condition=None --format=none \
    --member "serviceAccount:$account" --role roles/logging.logWriter ||
    die "could not grant roles/logging.logWriter: you need roles/resourcemanager.projectIamAdmin"
}

make_secret() {
  step "Making the secret $secret, unless it is there, and letting the function read it"
  if there g secrets describe "$secret"; then
    echo "   it is there, and stays as it is"
  else
    # Straight from the generator to Secret Manager: it is never shown.
    change secrets create "$secret" --replication-policy automatic --data-file=- < <(random_secret) ||
      die "could not make the secret: you need roles/secretmanager.admin"
  fi
  patient secrets add-iam-policy-binding "$secret" --format=none \
    --member "serviceAccount:$account" --role roles/secretmanager.secretAccessor ||
    die "could not let the function read the secret: you need roles/secretmanager.admin"
}

# random_secret prints 48 hexadecimal digits, 192 random bits.
random_secret() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

deploy_function() {
  step "Deploying the function $name (a few minutes)"
  local environment="^@^GOOGLE_CLOUD_PROJECT=$project"
  [ -z "$redact" ] || environment+="@LIVECHAT_REDACT=$redact"
  change run deploy "$name" --region "$region" --source "$here/.." \
    --function LiveChatWebhook --base-image go126 --service-account "$account" \
    --set-secrets "LIVECHAT_SECRETS=$secret:latest" --set-env-vars "$environment" \
    --cpu 1 --memory 512Mi --concurrency 80 --timeout 30 --max 10 --no-invoker-iam-check ||
    die "could not deploy: read the build log above; if the build was denied, grant the build's service account roles/run.builder, and yourself roles/run.sourceDeveloper and roles/iam.serviceAccountUser"
}

apply_metrics() {
  step "Applying metrics"
  local metric verb f
  for f in "$here"/metrics/*.json; do
    metric=$(basename "$f" .json) verb=create
    ! there g logging metrics describe "$metric" || verb=update
    echo "   $verb $metric"
    file "metrics/$metric.json" >"$filled"
    change logging metrics "$verb" "$metric" --config-from-file "$filled" ||
      die "could not $verb the metric $metric: you need roles/logging.configWriter"
  done
}

apply_dashboard() {
  step "Applying the dashboard"
  local existing title
  file dashboard.json >"$filled"
  title=$(display_name <"$filled")
  existing=$(g monitoring dashboards list --filter "displayName=\"$title\"" --format 'value(name)' | head -n 1) ||
    die "could not list dashboards: you need roles/monitoring.editor"
  if [ -z "$existing" ]; then
    change monitoring dashboards create --config-from-file "$filled"
  else
    # An update is taken only with the version that it replaces.
    local etag
    etag=$(g monitoring dashboards describe "$existing" --format 'value(etag)')
    sed -i "0,/{/s//{\"etag\": \"$etag\",/" "$filled"
    change monitoring dashboards update "$existing" --config-from-file "$filled"
  fi || die "could not apply the dashboard: you need roles/monitoring.editor"
}

apply_alerts() {
  step "Applying alerts (new metrics may take ten minutes to be known)"
  local existing title f
  for f in "$here"/alerts/*.json; do
    file "alerts/$(basename "$f")" >"$filled"
    title=$(display_name <"$filled")
    echo "   $title"
    existing=$(g monitoring policies list --filter "displayName=\"$title\"" --format 'value(name)' | head -n 1) ||
      die "could not list alerts: you need roles/monitoring.editor"
    if [ -z "$existing" ]; then
      PAUSE=${PAUSE:-60} patient monitoring policies create --policy-from-file "$filled"
    else
      change monitoring policies update "$existing" --policy-from-file "$filled"
    fi || die "could not apply the alert: run this again in ten minutes; you need roles/monitoring.editor"
  done
}

say_what_is_next() {
  step "Done"
  local url=URL
  [ -n "$dry_run" ] || url=$(g run services describe "$name" --region "$region" --format 'value(status.url)')
  cat <<TEXT
The function's URL is $url
To register it in LiveChat, fill in the account id, the token and the client id:

    LIVECHAT_ACCOUNT_ID=… LIVECHAT_PAT=… \\
    LIVECHAT_SECRETS="\$(gcloud secrets versions access latest --secret $secret --project $project)" \\
    go run ./cmd/register -url $url -client-id …
TEXT
}

delete_all() {
  local answer f title existing
  if [ -z "$dry_run" ]; then
    printf 'Delete the function %s in %s (%s), its account, metrics, dashboard and alerts? Type yes: ' "$name" "$project" "$region"
    read -r answer || answer=
    [ "$answer" = yes ] || die "nothing was deleted"
  fi
  step "Deleting"
  for f in "$here"/alerts/*.json "$here/dashboard.json"; do
    local kind=policies
    [ "$f" != "$here/dashboard.json" ] || kind=dashboards
    title=$(file "${f#"$here"/}" | display_name)
    for existing in $(g monitoring "$kind" list --filter "displayName=\"$title\"" --format 'value(name)'); do
      change monitoring "$kind" delete "$existing"
    done
  done
  for f in "$here"/metrics/*.json; do
    ! there g logging metrics describe "$(basename "$f" .json)" || change logging metrics delete "$(basename "$f" .json)"
  done
  ! there g run services describe "$name" --region "$region" || change run services delete "$name" --region "$region"
  ! there g iam service-accounts describe "$account" || change iam service-accounts delete "$account"
  printf '\nThe secret %s and the log entries are still there.\n' "$secret"
}

arguments "$@"
filled=$(mktemp)
trap 'rm -f "$filled"' EXIT
check_login
if [ -n "$delete" ]; then
  delete_all
  exit
fi
enable_apis
make_account
make_secret
deploy_function
apply_metrics
apply_dashboard
apply_alerts
say_what_is_next
