#!/usr/bin/env bash
# Asks whether an installation keeps its promises: from this machine, from a throw-away machine in the callers' subnet,
# and by sending a message as a device. Prints what was asked, expected and got; exit code 0 when all of it agrees.
set -euo pipefail

usage() {
  cat <<'USAGE'
usage: verify.sh --resource-group NAME

Run it from an address that is no administrator's. It makes a small virtual machine in the callers' subnet, lets it
reach everything on ports 443 and 5432 meanwhile, so that what is closed to it is closed at the other end, removes both
again, sends two messages as a device named ingest-verify-<time>, whose two rows stay in the table, and makes the
Function app read the hub's last minutes once more, in a consumer group made for it, before it sets the app back; until
then the app stores what comes in through that group. About twenty minutes, some cents.
Needs the Azure CLI, signed in as deploy.sh asks for, curl, python3 and ssh-keygen.
USAGE
}

# shellcheck source-path=SCRIPTDIR source=lib/options.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/options.sh"

group=''
while (($# > 0)); do
  next_option --resource-group '' '' "$@"
  shift "$taken"
  group=$value
done
need_group

# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source-path=SCRIPTDIR source=lib/outside.sh
source "$here/lib/outside.sh"

need_az
need curl 'Install curl.'
need python3 'Install Python 3: it signs one request to the IoT hub.'
need ssh-keygen 'Install OpenSSH: a virtual machine is not made without a key.'
read_installation "$group"

disagreements=0
table=$work/table

# expect WHAT EXPECTED GOT
expect() {
  local verdict=ok
  # shellcheck disable=SC2053 # what is expected may be a pattern
  if [[ $3 != $2 ]]; then
    verdict=WRONG
    disagreements=$((disagreements + 1))
  fi
  printf '%-52s  %-22s  %-22s  %s\n' "$1" "$2" "${3:-nothing}" "$verdict" >>"$table"
}

vm=ingest-verify

delete_vm() {
  say 'Removing the throw-away machine …'
  insist remove_vm && return 0
  say "error: The virtual machine $vm is still there. Remove it: az vm delete --resource-group '$group' --name $vm --yes"
  return 1
}

remove_vm() {
  local found
  found=$(az vm list --resource-group "$group" --query "[?name=='$vm'].id" --output tsv) || return 1
  [[ -z $found ]] || az vm delete --resource-group "$group" --name "$vm" --yes --output none
}

# The callers' own rules would keep the machine from the database, and from saying what it found: an answer from there
# says something about the other end only while they do not.
callers_group="$network-callers"
out_rule=ingest-verify

close_callers() {
  insist remove_out_rule && return 0
  say "error: The callers' subnet may still reach everything. Remove the rule:"
  say "       az network nsg rule delete --resource-group '$group' --nsg-name $callers_group --name $out_rule"
  return 1
}

remove_out_rule() {
  local found
  found=$(az network nsg rule list --resource-group "$group" --nsg-name "$callers_group" \
    --query "[?name=='$out_rule'].id" --output tsv) || return 1
  [[ -z $found ]] || az network nsg rule delete --resource-group "$group" --nsg-name "$callers_group" --name "$out_rule" --output none
}

# What the throw-away machine asks. The function key comes to it inside the script, not on a command line.
write_questions() {
  local key=$1
  cat <<QUESTIONS
#!/bin/bash
status() { curl --silent --max-time 20 --output /dev/null --write-out '%{http_code}' "\$1" || true; }
echo "app=\$(status 'https://$app_host/api/live')"
echo "cosmos=\$(status '$cosmos_endpoint')"
case \$(status 'https://$scm_host/') in
  403) echo scm=refused ;;
  000) echo scm=silent ;;
  *) echo scm=answers ;;
esac
if ! getent hosts '$postgres.postgres.database.azure.com' >/dev/null; then
  echo database=unresolved
elif timeout 10 bash -c '</dev/tcp/$postgres.postgres.database.azure.com/5432' 2>/dev/null; then
  echo database=open
else
  echo database=closed
fi
echo "lookup=\$(curl --silent --max-time 60 --header 'Accept: text/plain' --header @- 'https://$app_host/api/devices/$seed_device' <<'KEY'
x-functions-key: $key
KEY
)"
QUESTIONS
}

ask_inside() {
  local key answers
  say "Making a throw-away machine in the callers' subnet …"
  ssh-keygen -q -t ed25519 -N '' -f "$work/key"
  opening close_callers
  az network nsg rule create --resource-group "$group" --nsg-name "$callers_group" --name "$out_rule" --priority 4000 \
    --direction Outbound --access Allow --protocol Tcp --destination-address-prefixes '*' \
    --destination-port-ranges 443 5432 --output none
  opening delete_vm
  az vm create --resource-group "$group" --name "$vm" --image Ubuntu2404 --size Standard_B1s \
    --subnet "$callers_subnet" --public-ip-address '' --nsg '' --admin-username verify \
    --ssh-key-values "$work/key.pub" --os-disk-delete-option Delete --nic-delete-option Delete --output none ||
    fail 'The throw-away machine was not made; the message above says why.'
  key=$(az functionapp keys list --resource-group "$group" --name "$app" --query functionKeys.default --output tsv) ||
    fail "The keys of $app were not to be had: is the app running?"
  write_questions "$key" >"$work/questions.sh"
  say 'Asking from there …'
  answers=$(az vm run-command invoke --resource-group "$group" --name "$vm" --command-id RunShellScript \
    --scripts "@$work/questions.sh" --query 'value[0].message' --output tsv) ||
    fail 'The throw-away machine did not run the questions; the message above says why.'
  close_last
  close_last
  expect "app, from the callers' subnet" 200 "$(answer app "$answers")"
  expect "scm site, from the callers' subnet" answers "$(answer scm "$answers")"
  [[ -z $seed_device ]] ||
    expect "lookup of $seed_device, from the callers' subnet" "hello $seed_device" "$(answer lookup "$answers")"
  expect "Cosmos DB, from the callers' subnet" '40[13]' "$(answer cosmos "$answers")"
  expect "database, from the callers' subnet" closed "$(answer database "$answers")"
}

answer() { sed -n "s/^$1=//p" <<<"$2" | head -n 1; }

# The consumer group of the replay is new, so that no checkpoint of an earlier one decides where it begins.
offsets=AzureFunctionsJobHost__extensions__eventHubs__initialOffsetOptions__

make_group() {
  az iot hub consumer-group create --resource-group "$group" --hub-name "$hub" --name "$replay" --output none
}

read_again() {
  az functionapp config appsettings set --resource-group "$group" --name "$app" --output none --settings \
    "HubConsumerGroup=$replay" "${offsets}type=fromEnqueuedTime" "${offsets}enqueuedTimeUtc=$1"
}

read_live_again() {
  say 'Letting the app read its own consumer group again …'
  insist restore_settings && return 0
  say "error: The app $app still reads the consumer group $replay. Set its app setting HubConsumerGroup to live,"
  say "       and remove the two that begin with $offsets"
  return 1
}

restore_settings() {
  az functionapp config appsettings set --resource-group "$group" --name "$app" --output none \
    --settings HubConsumerGroup=live &&
    az functionapp config appsettings delete --resource-group "$group" --name "$app" --output none \
      --setting-names "${offsets}type" "${offsets}enqueuedTimeUtc"
}

delete_group() {
  local failed=0
  { insist lift_locks IotHubs && insist remove_group; } || failed=1
  put_locks_back || failed=1
  ((failed)) || return 0
  say "error: The consumer group $replay is still there. Remove it: az iot hub consumer-group delete --hub-name $hub --name $replay"
  return 1
}

remove_group() {
  local found
  found=$(az iot hub consumer-group list --resource-group "$group" --hub-name "$hub" \
    --query "[?name=='$replay'].name" --output tsv) || return 1
  [[ -z $found ]] || az iot hub consumer-group delete --resource-group "$group" --hub-name "$hub" --name "$replay" \
    --output none
}

# The time some minutes ago, however the clocks differ: GNU's date, or BSD's.
minutes_ago() {
  local then=$(($(date +%s) - $1 * 60)) format=+%Y-%m-%dT%H:%M:%SZ
  date -u -d "@$then" "$format" 2>/dev/null || date -u -r "$then" "$format"
}

# send DEVICE ROWS SECONDS: one message; prints how many rows the device has, and after how many seconds.
send() {
  write_parameters name "\"$installation\"" location "\"$region\"" task '"verify"' jobsPrincipalId "\"$jobs_principal\"" \
    databaseServer "\"$postgres\"" \
    verifyDevice "\"$1\"" verifyRows "$2" verifySeconds "$3" >"$work/verify.json"
  run_jobs "$work/verify.json" "join(' ', properties.outputs.result.value.[rows, seconds])" ||
    fail "The job failed. Its log: az deployment-scripts show-log --resource-group '$group' --name $installation-verify"
}

# A message behind the others of its device is stored after they were read again: two rows then mean that the replay
# added none.
ask_pipeline() {
  local device got rows seconds since
  since=$(minutes_ago 10)
  device=ingest-verify-$(date -u +%Y%m%d%H%M%S)
  replay=$device
  opening take_rights_away
  say 'Sending a message as a device …'
  got=$(send "$device" 1 30)
  read -r rows seconds <<<"$got"
  expect 'rows within 30 s of one message' 1 "${rows-}"
  say "It took ${seconds-?} s. Reading the hub again …"
  opening delete_group
  make_group
  opening read_live_again
  read_again "$since"
  got=$(send "$device" 2 600)
  read -r rows seconds <<<"$got"
  expect 'rows after a second message and a replay' 2 "${rows-}"
  close_last
  close_last
  close_last
  expect "rights left to the jobs' identity" none "$(rights_left)"
}

rights_left() {
  local left
  left=$(azure_roles properties.roleDefinitionId)
  printf '%s' "${left:-none}"
}

ask_outside
ask_inside
ask_pipeline

printf '\n%-52s  %-22s  %-22s  %s\n' asked expected got verdict
cat "$table"
if ((disagreements > 0)); then
  say "$disagreements of the answers are wrong."
  exit 1
fi
say 'All of it agrees.'
