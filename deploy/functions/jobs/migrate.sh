#!/usr/bin/env bash
# Runs in a container inside the jobs' subnet (see jobs.bicep), never on the deployer's machine. Applies the scripts of
# sql/ in their order, and makes the app's database role, a login that owns nothing, and the console's, which may act as the owner.
# Reads PACKAGES, PGHOST, PGDATABASE, PGUSER, APP_ROLE, APP_OBJECT_ID, CONSOLE_ROLE and CONSOLE_OBJECT_ID. Every step can be repeated.
set -euo pipefail

: "${PACKAGES:?}" "${PGHOST:?}" "${PGDATABASE:?}" "${PGUSER:?}" "${APP_ROLE:?}" "${APP_OBJECT_ID:?}" "${CONSOLE_ROLE:?}" "${CONSOLE_OBJECT_ID:?}"
export PGHOST PGDATABASE PGUSER PGSSLMODE=verify-full PGSSLROOTCERT=system PGCONNECT_TIMEOUT=10

say() { printf '%s\n' "$*" >&2; }

# What the image lacks, in exactly these releases.
read -ra packages <<<"$PACKAGES"
tdnf install -y -q "${packages[@]}" >/dev/null || {
  say "Microsoft's package mirror did not give $PACKAGES. Name releases that it has: databasePackages in modules/job.bicep."
  exit 1
}

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
principal() {
  run --dbname postgres --output /dev/null --set role="$1" --set object="$2" <<'SQL'
SELECT pgaadauth_create_principal_with_oid(:'role', :'object', 'service', false, false)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role');
SQL
}

principal "$APP_ROLE" "$APP_OBJECT_ID"
principal "$CONSOLE_ROLE" "$CONSOLE_OBJECT_ID"

# This role comes and goes, and whatever it had made or granted would go with it, or keep it from going. So what stays
# is made by roles that stay. ingest_owner owns the tables, makes ingest_writer and grants it; ingest_admin made
# ingest_owner, and so may hand it to whoever is an administrator of the server at the moment. Nobody logs in as either.
run --single-transaction --file - <<'SQL'
SELECT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'ingest_admin') AS new \gset
\if :new
CREATE ROLE ingest_admin NOLOGIN CREATEROLE;
GRANT ingest_admin TO CURRENT_USER WITH INHERIT FALSE, SET TRUE;
CREATE SCHEMA ingest_admin AUTHORIZATION ingest_admin;
SET LOCAL ROLE ingest_admin;
CREATE ROLE ingest_owner NOLOGIN CREATEROLE;
CREATE FUNCTION ingest_admin.become_owner(who name DEFAULT session_user) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('GRANT ingest_owner TO %I WITH INHERIT FALSE, SET TRUE', who);
END $$;
REVOKE EXECUTE ON FUNCTION ingest_admin.become_owner(name) FROM PUBLIC;
GRANT USAGE ON SCHEMA ingest_admin TO azure_pg_admin;
GRANT EXECUTE ON FUNCTION ingest_admin.become_owner(name) TO azure_pg_admin;
RESET ROLE;
REVOKE ingest_admin FROM CURRENT_USER;
\endif
SQL

# As the administrators' own role, which stays; where the server does not allow that, as this one.
as_administrators() {
  PGOPTIONS='-c role=azure_pg_admin' run --command "$1" || run --command "$1"
}

as_administrators 'CREATE EXTENSION IF NOT EXISTS timescaledb'
as_administrators "GRANT CREATE ON DATABASE \"$PGDATABASE\" TO ingest_owner"
as_administrators 'GRANT USAGE, CREATE ON SCHEMA public TO ingest_owner WITH GRANT OPTION'
run --output /dev/null --set console="$CONSOLE_ROLE" <<'SQL'
SELECT ingest_admin.become_owner();
SELECT ingest_admin.become_owner(:'console');
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

PGOPTIONS='-c role=ingest_owner' run --set app="$APP_ROLE" --set console="$CONSOLE_ROLE" <<'SQL'
GRANT ingest_writer TO :"app", :"console";
SQL

# Nothing may hang on the role that is taken away now: the server would refuse to drop it.
run --tuples-only --no-align >&2 <<'SQL'
SELECT format('warning: %s hangs on %s, which leaves.', pg_describe_object(classid, objid, objsubid), current_user)
FROM pg_shdepend
WHERE refclassid = 'pg_authid'::regclass AND refobjid = current_user::regrole
  AND dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()));
SQL
say "Done. $APP_ROLE may write and owns nothing."
