# What deploy.sh and verify.sh share. Sourced, not run. Works with bash 3.2, which macOS still has.
# shellcheck shell=bash

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

say() { printf '%s\n' "$*" >&2; }

fail() {
  say "error: $*"
  exit 1
}

need() {
  local tool=$1 remedy=$2
  command -v "$tool" >/dev/null 2>&1 || fail "$tool is not installed. $remedy"
}

need_az() {
  need az 'Install the Azure CLI: https://aka.ms/azure-cli'
  local account
  account=$(az account show --query "join('|', [id, name])" --output tsv 2>/dev/null) ||
    fail 'You are not signed in to Azure. Run: az login'
  # shellcheck disable=SC2034 # each script uses some of them
  subscription=${account#*|} subscription_id=/subscriptions/${account%%|*}
}

# Temporary files hold a package and the parameters of jobs; only this user reads them.
umask 077
work=$(mktemp -d)

# Doors: whatever is opened is closed again, last one first, after success, failure, Ctrl-C and TERM. A door is noted
# before it is opened, so its closing has to bear finding it closed.
open_doors=()

opening() { open_doors+=("$1"); }

close_doors() {
  local status=$? i
  trap - EXIT
  trap '' INT TERM
  for ((i = ${#open_doors[@]} - 1; i >= 0; i--)); do
    "${open_doors[i]}" || status=1
  done
  open_doors=()
  rm -rf "$work"
  exit "$status"
}

# The last door needs no closing any more.
forget_last() { unset "open_doors[$((${#open_doors[@]} - 1))]"; }

# Closes the last door now. An interruption waits until it is closed.
close_last() {
  local last=$((${#open_doors[@]} - 1))
  local door=${open_doors[last]}
  unset "open_doors[$last]"
  trap '' INT TERM
  "$door" || exit 1
  heed_signals
}

heed_signals() {
  trap 'exit 130' INT
  trap 'exit 143' TERM
}

trap close_doors EXIT
heed_signals

# Closing is tried three times: a door must not stay open for one failed call.
insist() {
  local attempt
  for attempt in 1 2 3; do
    "$@" && return 0
    say "Failed (attempt $attempt of 3): $*"
    sleep 5
  done
  return 1
}

# A rule can take some minutes to be known everywhere.
insist_longer() {
  local attempt
  for attempt in $(seq 1 30); do
    "$@" && return 0
    say "Not yet (attempt $attempt of 30)."
    sleep 10
  done
  return 1
}

# shellcheck source-path=SCRIPTDIR source=lib/deployments.sh
source "$here/lib/deployments.sh"
# shellcheck source-path=SCRIPTDIR source=lib/locks.sh
source "$here/lib/locks.sh"
# shellcheck source-path=SCRIPTDIR source=lib/rights.sh
source "$here/lib/rights.sh"

# The outputs of main.bicep, from the installation in a resource group.
read_installation() {
  local group=$1 line
  line=$(az deployment group show --resource-group "$group" --name ingest-main --output tsv --query "join('|', properties.outputs.[
    installation.value, region.value, functionAppName.value, functionAppHost.value, scmHost.value, iotHubName.value, cosmosName.value,
    cosmosEndpoint.value, postgresName.value, jobsPrincipalId.value, callersSubnetId.value, jobsSubnetId.value,
    jobsStorageName.value, networkName.value, iotHubHost.value, to_string(iotHubLocked.value), keyVaultName.value, stateBlobs.value, contentFiles.value,
    outboundAddress.value, seedDevice.value])") ||
    fail "There is no installation in the resource group '$group'. Run deploy.sh first."
  # shellcheck disable=SC2034 # each script uses some of them
  IFS='|' read -r installation region app app_host scm_host hub cosmos \
    cosmos_endpoint postgres jobs_principal callers_subnet jobs_subnet \
    jobs_storage network hub_host hub_locked vault state_blobs content_files outbound_address seed_device <<<"$line"
}

# run_jobs PARAMETERS QUERY: runs jobs.bicep under rights that last as long as it does, and prints what QUERY finds.
run_jobs() {
  local parameters=$1 query=$2
  az deployment group create --resource-group "$group" --name ingest-jobs --template-file "$here/jobs.bicep" \
    --parameters "@$parameters" --query "$query" --output tsv
}

# A parameters file for jobs.bicep from NAME VALUE pairs; a value is a JSON value.
write_parameters() {
  local separator=''
  # shellcheck disable=SC2016 # $schema is a name
  printf '{"$schema":"https://schema.management.azure.com/schemas/2019-04-01/deploymentParameters.json#","contentVersion":"1.0.0.0","parameters":{'
  while (($# > 0)); do
    printf '%s"%s":{"value":%s}' "$separator" "$1" "$2"
    separator=','
    shift 2
  done
  printf '}}'
}
