#!/usr/bin/env bash
# Runs in a container inside the jobs' subnet (see jobs.bicep), never on the deployer's machine. Applies the scripts of
# sql/ in their order, and makes the app's database role: a login that owns nothing.
# Reads PGHOST, PGDATABASE, PGUSER, APP_ROLE and APP_OBJECT_ID. Every step can be repeated.
set -euo pipefail

: "${PGHOST:?}" "${PGDATABASE:?}" "${PGUSER:?}" "${APP_ROLE:?}" "${APP_OBJECT_ID:?}"
export PGHOST PGDATABASE PGUSER PGSSLMODE=verify-full PGSSLROOTCERT=system PGCONNECT_TIMEOUT=10

say() { printf '%s\n' "$*" >&2; }

# The image lacks psql.
tdnf install -y -q postgresql ca-certificates tar gzip >/dev/null

# The administrator's role and the private name can take some minutes to be known everywhere.
connect() {
  local attempt
  for attempt in $(seq 1 30); do
    PGPASSWORD=$(az account get-access-token --resource-type oss-rdbms --query accessToken --output tsv)
    export PGPASSWORD
    if psql --no-psqlrc --quiet --command 'SELECT 1' >/dev/null; then
      return 0
    fi
    say "The database does not take the jobs' identity yet (attempt $attempt of 30)."
    sleep 10
  done
  say "The database did not take the jobs' identity for five minutes."
  return 1
}

run() { psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 "$@"; }

connect

# Functions about Entra principals exist in the database postgres alone.
run --dbname postgres --set app="$APP_ROLE" --set object="$APP_OBJECT_ID" <<'SQL'
SELECT pgaadauth_create_principal_with_oid(:'app', :'object', 'service', false, false)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'app');
SQL

# Tables belong to a role that nobody logs in as, so they do not hang on the identity that happened to make them.
# ingest_writer is the role of sql/, made here because its owner may not make roles.
run <<'SQL'
CREATE EXTENSION IF NOT EXISTS timescaledb;
SELECT format('CREATE ROLE %I NOLOGIN', name) FROM unnest(ARRAY['ingest_owner', 'ingest_writer']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec
SELECT format('GRANT ingest_owner TO %I', current_user) \gexec
SELECT format('GRANT CREATE ON DATABASE %I TO ingest_owner', current_database()) \gexec
GRANT USAGE, CREATE ON SCHEMA public TO ingest_owner WITH GRANT OPTION;
SQL

license=$(run --tuples-only --no-align --command "SELECT current_setting('timescaledb.license', true)")
case $license in
  timescale) edition=timescale-full ;;
  *) edition=timescale-apache ;;
esac

scripts=$(mktemp -d)
base64 --decode <<'ARCHIVE' | tar --extract --gzip --directory "$scripts"
__SQL_ARCHIVE__
ARCHIVE

# A script is named NNNN_subject[.server].sql. Those that fit are applied as they are, each time: they can be repeated.
# Retention is left out; it follows a setting that "ingest migrate" is given.
files=()
for script in "$scripts"/*.sql; do
  name=${script##*/}
  server=${name#*.}
  case $name in
    *_retention.*) continue ;;
  esac
  case $server in
    sql | timescale.sql | "$edition.sql")
      say "Applying $name"
      files+=(--file "$script")
      ;;
  esac
done
((${#files[@]} > 0)) || { say 'The folder sql holds no script.' && exit 1; }

# In one transaction, as the owner, behind the lock that "ingest migrate" takes ("ingest" in ASCII).
PGOPTIONS='-c role=ingest_owner' run --single-transaction \
  --command "SELECT pg_advisory_xact_lock(x'696E67657374'::bigint)" "${files[@]}" >/dev/null

run --set app="$APP_ROLE" <<'SQL'
GRANT ingest_writer TO :"app";
SQL
say "Done. $APP_ROLE may write and owns nothing."
