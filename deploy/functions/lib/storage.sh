# The storage account of the jobs, which answers to their subnet alone: opened for this machine while it puts something
# there or fetches it. Sourced by deploy.sh and console.sh.
# shellcheck shell=bash disable=SC2154 # the script that sources this sets what is read here

open_storage() {
  find_deployer_address
  [[ $deployer_address != *:* ]] || fail "Storage knows IPv4 alone, and this machine comes from $deployer_address. Name another one: --deployer-address ADDRESS"
  opening close_storage
  az storage account network-rule add --resource-group "$group" --account-name "$jobs_storage" \
    --ip-address "${deployer_address%/32}" --output none
}

close_storage() {
  insist remove_storage_rule && return 0
  say "error: The storage account $jobs_storage may still be open for $deployer_address. Close it:"
  say "       az storage account network-rule remove --resource-group '$group' --account-name $jobs_storage --ip-address ${deployer_address%/32}"
  return 1
}

remove_storage_rule() {
  local found
  found=$(az storage account network-rule list --resource-group "$group" --account-name "$jobs_storage" \
    --query "ipRules[?ipAddressOrRange=='${deployer_address%/32}'].ipAddressOrRange" --output tsv) || return 1
  [[ -z $found ]] || az storage account network-rule remove --resource-group "$group" --account-name "$jobs_storage" \
    --ip-address "${deployer_address%/32}" --output none
}
