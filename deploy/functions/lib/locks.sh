# The locks on what holds data (modules/locks.bicep). One keeps what is inside a resource too, such as rights that a job
# was given there. Sourced by common.sh.
# shellcheck shell=bash disable=SC2154 # the script that sources this sets what is read here

data_lock='ingest-data'

# What is lifted, one id a line. It grows: what a first attempt has lifted, a second does not find.
lifted_locks=''

# lift_locks TYPE…: lifts the locks on resources of these types.
lift_locks() {
  local type condition='' found lock
  for type; do
    condition+="${condition:+ || }contains(id, '/$type/')"
  done
  found=$(az rest --method get --output tsv --query "value[?name=='$data_lock' && ($condition)].id" --url \
    "$subscription_id/resourceGroups/$group/providers/Microsoft.Authorization/locks?api-version=2020-05-01") || return 1
  [[ -n $found ]] || return 0
  say 'Lifting the locks …'
  lifted_locks+=$found$'\n'
  while read -r lock; do
    az lock delete --ids "$lock" --output none || return 1
  done <<<"$found"
}

put_locks_back() {
  local lock
  insist create_locks && return 0
  while read -r lock; do
    [[ -z $lock ]] || say "error: ${lock%/providers/*/locks/*} may be without its lock. Running deploy.sh puts it back."
  done <<<"$lifted_locks"
  return 1
}

create_locks() {
  local lock
  while read -r lock; do
    [[ -z $lock ]] || az lock create --name "$data_lock" --lock-type CanNotDelete --resource "${lock%/providers/*/locks/*}" \
      --notes 'It holds data of Ingest.' --output none || return 1
  done <<<"$lifted_locks"
  lifted_locks=''
}
