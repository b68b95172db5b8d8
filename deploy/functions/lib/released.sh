# The packages that were deployed, kept in a share of the jobs' storage account: the one that runs and the one before it,
# each named by the digest of its bytes. Which is which are the share's metadata. Sourced by deploy.sh.
# shellcheck shell=bash disable=SC2154,SC2034 # the script that sources this sets and reads the others

released='released'

# Digest of the package at hand, of the one that runs, and of the one before it.
digest='' digest_now='' digest_before=''

# Linux has the one, macOS the other.
digest_of() {
  if command -v sha256sum >/dev/null 2>&1; then
    sha256sum "$1"
  else
    shasum -a 256 "$1"
  fi | cut -d ' ' -f 1
}

share_exists() {
  local exists
  exists=$(az storage share-rm exists --resource-group "$group" --storage-account "$jobs_storage" --name "$released" --query exists --output tsv) || return 2
  [[ $exists == [Tt]rue ]]
}

read_released() {
  local line status=0
  share_exists || status=$?
  ((status < 2)) || fail "Which package runs was not to be read from the share $released of $jobs_storage; the message above says why."
  ((status == 0)) || return 0
  line=$(az storage share-rm show --resource-group "$group" --storage-account "$jobs_storage" --name "$released" --output tsv \
    --query "join('|', [metadata.current || '', metadata.previous || ''])")
  IFS='|' read -r digest_now digest_before <<<"$line"
}

# Before it is deployed: a package that runs is one that can be had back. One that runs already is there, and stays.
keep_package() {
  local name
  digest=$(digest_of "$package")
  read_released
  [[ $digest != "$digest_now" ]] || return 0
  say 'Keeping the package, so that a later one can be rolled back …'
  share_exists || az storage share-rm create --resource-group "$group" --storage-account "$jobs_storage" --name "$released" --quota 5 --output none
  open_storage
  insist_longer az storage file upload --account-name "$jobs_storage" --share-name "$released" --path "$digest.zip" --source "$package" --output none ||
    fail 'The package was not taken by the storage account; the message above says why. The app is as it was.'
  for name in $(az storage file list --account-name "$jobs_storage" --share-name "$released" --query '[].name' --output tsv); do
    case $name in
      "$digest.zip" | "$digest_now.zip" | "$digest_before.zip") ;;
      *) az storage file delete --account-name "$jobs_storage" --share-name "$released" --path "$name" --output none ||
        say "Note: the package $name, which is kept no longer, is still in the share $released." ;;
    esac
  done
  close_last
}

# After it is deployed.
note_release() {
  [[ $digest != "$digest_now" ]] || return 0
  insist az storage share-rm update --resource-group "$group" --storage-account "$jobs_storage" --name "$released" --output none \
    --metadata "current=$digest" ${digest_now:+"previous=$digest_now"} ||
    fail "The package runs, and was not noted as the one that runs. Run this again before you roll back."
}

roll_back() {
  read_released
  [[ -n $digest_before ]] || fail "No package from before the one that runs is kept in '$group'. Check out the version you want and deploy it: deploy.sh without --rollback."
  say 'Fetching the package from before …'
  open_storage
  package=$work/app.zip
  insist_longer az storage file download --account-name "$jobs_storage" --share-name "$released" --path "$digest_before.zip" --dest "$package" --output none ||
    fail 'The package was not to be had; the message above says why. The app is as it was.'
  close_last
  digest=$(digest_of "$package")
  [[ $digest == "$digest_before" ]] || fail "The package $digest_before.zip in the share $released of $jobs_storage was changed since it was deployed, so it is not deployed again. The app is as it was."
  upload
  note_release
}
