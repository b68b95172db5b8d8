# The rights of the jobs' identity, which it has only while a job runs. Sourced by common.sh.
# shellcheck shell=bash disable=SC2154,SC2034 # the script that sources this sets and reads the others

# The rights of the jobs' identity, by what it has and not by what this run gave it: an earlier run may have been killed.
take_rights_away() {
  local failed=0 unlocked=0
  # What is still running would go on with the rights, or be given them once more.
  insist stop_deployment ingest-jobs || failed=1
  insist stop_scripts || failed=1
  say 'Taking the rights of the jobs away …'
  insist remove_cosmos_rule || failed=1
  insist lift_locks databaseAccounts flexibleServers IotHubs || failed=1
  insist remove_cosmos_roles || failed=1
  insist remove_database_administrator || failed=1
  insist remove_azure_roles || failed=1
  put_locks_back || unlocked=1
  if ((failed)); then
    say "error: The jobs' identity $jobs_principal still has rights in the resource group '$group'."
    say "       Look for it in Cosmos DB $cosmos (networking, data-plane roles), in PostgreSQL $postgres (authentication)"
    say '       and in the access control of the IoT hub and the storage accounts, or run this script again. A lock of your own'
    say "       there or on the group keeps it from going: az lock list --resource-group '$group' --output table"
    return 1
  fi
  return "$unlocked"
}

remove_cosmos_rule() {
  local found
  found=$(az cosmosdb network-rule list --resource-group "$group" --name "$cosmos" \
    --query "[?ends_with(id, '/subnets/jobs')].id" --output tsv) || return 1
  [[ -z $found ]] || az cosmosdb network-rule remove --resource-group "$group" --name "$cosmos" \
    --subnet "$jobs_subnet" --output none
}

remove_cosmos_roles() {
  local roles role
  roles=$(az cosmosdb sql role assignment list --resource-group "$group" --account-name "$cosmos" \
    --query "[?principalId=='$jobs_principal'].name" --output tsv) || return 1
  for role in $roles; do
    az cosmosdb sql role assignment delete --resource-group "$group" --account-name "$cosmos" \
      --role-assignment-id "$role" --yes --output none || return 1
  done
}

remove_database_administrator() {
  local found server
  server=$(az resource show --resource-group "$group" --name "$postgres" \
    --resource-type Microsoft.DBforPostgreSQL/flexibleServers --query id --output tsv) || return 1
  found=$(az rest --method get --url "$server/administrators?api-version=2025-08-01" \
    --query "value[?properties.objectId=='$jobs_principal'].id" --output tsv) || return 1
  [[ -z $found ]] || az resource delete --ids "$server/administrators/$jobs_principal" \
    --api-version 2025-08-01 --output none
}

# The roles the identity has in this group, without asking for those of the whole subscription. PROPERTY: id, or what else.
azure_roles() {
  az rest --method get --output tsv --query "value[?contains(properties.scope, '/resourceGroups/')].$1" --url \
    "$subscription_id/resourceGroups/$group/providers/Microsoft.Authorization/roleAssignments?api-version=2022-04-01&\$filter=principalId%20eq%20'$jobs_principal'"
}

remove_azure_roles() {
  local roles role
  roles=$(azure_roles id) || return 1
  while read -r role; do
    [[ -z $role ]] || az role assignment delete --ids "$role" --output none || return 1
  done <<<"$roles"
}
