#!/usr/bin/env bash
# Runs an ingest command inside the locked network, where database and hub can be reached, and ends as it ended.
set -euo pipefail

usage() {
  cat <<'USAGE'
usage: console.sh --resource-group NAME [options] COMMAND …

  console.sh --resource-group NAME status
  console.sh --resource-group NAME deadletters list --reason not_json
  console.sh --resource-group NAME deadletters import mended.jsonl
  console.sh --resource-group NAME replay --from 2026-03-04T05:00:00Z --consumer-group replay
  console.sh --resource-group NAME migrate
  console.sh --resource-group NAME run --check

COMMAND is status, deadletters, replay, audit, forget, migrate, or run --check, with its options, as "ingest COMMAND --help" names them.
The file of "deadletters import" is one of this machine, and is named right after it.
It runs in a container in the jobs' subnet, with the app's own settings, under an identity that may use the database and
nothing else; its output comes here, its exit code is this script's. The container is removed when it has ended, or on
Ctrl-C. A run takes some minutes and costs a cent.

  --deployer-address ADDRESS   the address from which this machine reaches Azure; default: what the scm site sees
  --program FOLDER             the published command; default: published from src/Ingest.Cli
  --help

Needs the Azure CLI, signed in as deploy.sh asks for, curl, and unless --program is given the .NET 10 SDK.
USAGE
}

# shellcheck source-path=SCRIPTDIR source=lib/options.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/options.sh"

group='' deployer_address='' program=''

while [[ ${1-} == -* ]]; do
  next_option '--resource-group --deployer-address --program' '' " The command's own options come after the command." "$@"
  shift "$taken"
  case $option in
    --resource-group) group=$value ;;
    --deployer-address) deployer_address=$value ;;
    --program) program=$value ;;
  esac
done

need_group
as_owner=false
case "${1-} ${2-}" in
  'status '* | 'deadletters '* | 'replay '* | 'audit '* | 'run --check') ;;
  'migrate '* | 'forget '*) as_owner=true ;;
  ' ') wrong 'Name a command: status, deadletters, replay, audit, forget, migrate, or run --check.' ;;
  *) wrong "'$*' is no command for here: status, deadletters, replay, audit, forget, migrate, or run --check." ;;
esac

# A file to import goes along with the program.
import=''
if [[ "$1 ${2-}" == 'deadletters import' && ${3-} != --help ]]; then
  import=${3-}
  [[ -n $import && $import != -* ]] || wrong "Name the file right after 'deadletters import'."
  [[ -f $import ]] || wrong "There is no file '$import'."
  set -- "$1" "$2" /program/import.jsonl "${@:4}"
fi

# The arguments as a JSON list.
arguments=''
for argument; do
  [[ $argument != *[[:cntrl:]]* ]] || wrong 'An argument holds a control character.'
  argument=${argument//\\/\\\\}
  arguments+="${arguments:+,}\"${argument//\"/\\\"}\""
done

# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
root=$(cd "$here/../.." && pwd)
# shellcheck source-path=SCRIPTDIR source=lib/addresses.sh
source "$here/lib/addresses.sh"
# shellcheck source-path=SCRIPTDIR source=lib/storage.sh
source "$here/lib/storage.sh"

[[ -z $program || -f $program/Ingest.Cli.dll ]] || fail "There is no Ingest.Cli.dll in '$program'."
[[ -z $deployer_address ]] || deployer_address=$(as_cidr --deployer-address "$deployer_address") || exit 2
need_az
need curl 'Install curl.'
[[ -n $program ]] || need dotnet 'Install the .NET 10 SDK (https://dot.net), or pass --program FOLDER.'
read_installation "$group"
run=$installation-console-$(date -u +%Y%m%d%H%M%S)

build() {
  say 'Publishing the command …'
  program=$work/program
  dotnet publish "$root/src/Ingest.Cli" --configuration Release --runtime linux-x64 --no-self-contained --output "$program" >&2 ||
    fail 'The command did not build. Build it where its packages are to be had, and pass --program FOLDER.'
}

delete_share() {
  insist remove_share && return 0
  say "error: The share $run is still there. Remove it: az storage share-rm delete --resource-group '$group' --storage-account $jobs_storage --name $run --yes"
  return 1
}

remove_share() {
  local found
  found=$(az storage share-rm list --resource-group "$group" --storage-account "$jobs_storage" --query "[?name=='$run'].name" --output tsv) || return 1
  [[ -z $found ]] || az storage share-rm delete --resource-group "$group" --storage-account "$jobs_storage" --name "$run" --yes --output none
}

# The program goes into a share of the jobs' account, which is open to this machine only meanwhile.
upload() {
  opening delete_share
  az storage share-rm create --resource-group "$group" --storage-account "$jobs_storage" --name "$run" --quota 1 --output none
  open_storage
  say 'Uploading the command …'
  insist_longer az storage file upload-batch --account-name "$jobs_storage" --destination "$run" --source "$program" --output none ||
    fail 'The command was not taken by the storage account; the message above says why.'
  [[ -z $import ]] ||
    insist_longer az storage file upload --account-name "$jobs_storage" --share-name "$run" --path import.jsonl --source "$import" --output none ||
    fail 'The file to import was not taken by the storage account; the message above says why.'
  close_last
}

delete_container() {
  insist stop_deployment ingest-console && insist remove_container && return 0
  say "error: The container $run may still be there. Remove it: az container delete --resource-group '$group' --name $run --yes"
  return 1
}

remove_container() {
  local found
  found=$(az container list --resource-group "$group" --query "[?name=='$run'].id" --output tsv) || return 1
  [[ -z $found ]] || az container delete --resource-group "$group" --name "$run" --yes --output none
}

# Prints the state and the exit code of the container.
container_state() {
  az container show --resource-group "$group" --name "$run" --output tsv \
    --query "join(' ', [containers[0].instanceView.currentState.state || 'Waiting', to_string(containers[0].instanceView.currentState.exitCode)])"
}

follow() {
  local state='' code=''
  opening delete_container
  say 'Starting the container …'
  write_parameters name "\"$installation\"" location "\"$region\"" run "\"$run\"" databaseServer "\"$postgres\"" arguments "[$arguments]" asOwner "$as_owner" >"$work/console.json"
  az deployment group create --resource-group "$group" --name ingest-console --template-file "$here/console.bicep" \
    --parameters "@$work/console.json" --output none ||
    fail 'The container did not start; the message above says why.'
  # What it prints comes as it prints it. Where following breaks off, it is followed again.
  while true; do
    az container logs --resource-group "$group" --name "$run" --follow || true
    read -r state code <<<"$(container_state)"
    [[ $state != Terminated ]] || break
    sleep 5
  done
  close_last
  [[ $code =~ ^[0-9]+$ ]] || fail "The container ended without an exit code ($code)."
  return "$code"
}

[[ -n $program ]] || build
upload
code=0
follow || code=$?
close_last
[[ $code == 0 ]] || exit "$code"
