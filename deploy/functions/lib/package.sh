# The package of the Function app: built, and uploaded through the scm site, which is open only for as long as that
# takes. Sourced by deploy.sh.
# shellcheck shell=bash disable=SC2154,SC2034 # the script that sources this sets and reads the others

build() {
  say 'Publishing the Function app …'
  mkdir "$work/app"
  dotnet publish "$root/src/Ingest.Functions" --configuration Release --output "$work/app" >&2 ||
    fail 'The Function app did not build. Build it where its packages are to be had, and pass --package FILE.'
  # The same files make the same package, whenever they were built: times are no part of it.
  (cd "$work/app" && find . -type f -exec touch -t 200001010000 {} + && find . -type f | LC_ALL=C sort | zip -qX "$work/app.zip" -@)
  package=$work/app.zip
}

upload_rule='package-upload'

close_scm() {
  say 'Closing the scm site …'
  insist remove_scm_rule && return 0
  say "error: The scm site of $app may still be open for ${deployer_address:-this machine}. Close it:"
  say "       az functionapp config access-restriction remove --resource-group '$group' --name $app --rule-name $upload_rule --scm-site true"
  return 1
}

remove_scm_rule() {
  local found
  found=$(az functionapp config access-restriction show --resource-group "$group" --name "$app" \
    --query "scmIpSecurityRestrictions[?name=='$upload_rule'].name" --output tsv) || return 1
  [[ -z $found ]] || az functionapp config access-restriction remove --resource-group "$group" --name "$app" \
    --rule-name "$upload_rule" --scm-site true --output none
}

upload() {
  local attempt status status_before
  # An administrator's address is let in already: then there is nothing to open. No answer is neither.
  for attempt in $(seq 1 30); do
    status_before=$(scm_status)
    [[ $status_before == 000 ]] || break
    sleep 10
  done
  [[ $status_before != 000 ]] || fail "The scm site https://$scm_host does not answer, after $attempt attempts.
       Is this machine's way to it open (DNS, proxy, firewall)? Nothing was opened; running this again is safe."
  if [[ $status_before == 403 ]]; then
    find_deployer_address
    say "Opening the scm site for $deployer_address …"
    opening close_scm
    az functionapp config access-restriction add --resource-group "$group" --name "$app" --rule-name "$upload_rule" \
      --action Allow --ip-address "$deployer_address" --priority 90 --scm-site true --output none
    for attempt in $(seq 1 30); do
      status=$(scm_status)
      [[ $status == 403 || $status == 000 ]] || break
      sleep 10
    done
    [[ $status != 403 && $status != 000 ]] || fail "The scm site still refuses $deployer_address after $attempt attempts ($status).
       Behind a proxy the address differs: name it with --deployer-address."
  fi
  say 'Uploading the Function app …'
  az functionapp deployment source config-zip --resource-group "$group" --name "$app" --src "$package" --output none ||
    fail 'The package was not taken. The message above says why; running this again is safe.'
  [[ $status_before != 403 ]] || close_last
}
