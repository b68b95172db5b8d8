using System.Globalization;
using DbUp.Builder;
using DbUp.Engine;
using DbUp.Postgresql;
using DbUp.Support;
using Ingest.Failures;
using Ingest.Settings;
using Npgsql;

namespace Ingest.Database.Migrations;

/// <summary>
/// Lays out the default tables from the scripts in <c>sql/</c>, as far as the server can. In one transaction: all of it happens, or
/// nothing. May be run again, and from several places at once; each waits for the other.
/// </summary>
public static class DatabaseMigrator
{
    private const string Journal = "ingest_migrations";

    // "ingest" in ASCII.
    private const long LockKey = 0x696E67657374;

    /// <inheritdoc cref="MigrateAsync(NpgsqlDataSource, MigrationSettings, CancellationToken)"/>
    public static async Task<MigrationReport> MigrateAsync(
        string connectionString, MigrationSettings options, CancellationToken cancellationToken)
    {
        await using var dataSource = NpgsqlDataSource.Create(PostgresConnectionString.Read(connectionString));
        return await MigrateAsync(dataSource, options, cancellationToken);
    }

    /// <summary>
    /// Migrates the database and the schema that a connection of <paramref name="dataSource"/> ends up in. Needs one connection.
    /// </summary>
    /// <exception cref="DatabaseSetupException">It cannot be done; the message says why, and what to do.</exception>
    public static async Task<MigrationReport> MigrateAsync(
        NpgsqlDataSource dataSource, MigrationSettings options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(dataSource);
        ArgumentNullException.ThrowIfNull(options);
        try
        {
            await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
            await CreateExtensionAsync(connection, options, cancellationToken);

            await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
            await LockAsync(connection, cancellationToken);
            var server = await ServerFacts.ReadAsync(connection, cancellationToken);
            var plan = MigrationPlan.For(server, options);
            await ExistingTable.CheckNamesAsync(connection, cancellationToken);
            if (server.Conditions is { } found)
            {
                await ExistingTable.CheckAsync(connection, found, plan.Layout, cancellationToken);
            }

            await SetParametersAsync(connection, options, cancellationToken);
            var applied = await Task.Run(() => Apply(connection, server.Schema, plan.Scripts), cancellationToken);
            var partitionsUntil = plan.Layout == TableLayout.DayPartitions ? await LastPartitionAsync(connection, cancellationToken) : null;
            await transaction.CommitAsync(cancellationToken);
            return new MigrationReport(
                server.Edition,
                server.PostgresVersion,
                server.TimescaleVersion,
                server.Schema,
                plan.Layout,
                applied,
                plan.LeftOut,
                partitionsUntil);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested && ConnectionFailure.IsNamed(e))
        {
            throw new DatabaseSetupException((await ConnectionFailure.OfAsync(dataSource, e, cancellationToken)).Sentence, e);
        }
        catch (NpgsqlException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw MigrationFailure.Explain(e, dataSource.ConnectionString, script: null);
        }
    }

    private static async Task CreateExtensionAsync(
        NpgsqlConnection connection, MigrationSettings options, CancellationToken cancellationToken)
    {
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await LockAsync(connection, cancellationToken);
        var server = await ServerFacts.ReadAsync(connection, cancellationToken);
        if (server.TimescaleVersion is not null || !server.TimescaleAvailable || server.Conditions is not null || options.PlainPostgres)
        {
            return;
        }

        try
        {
            await ExecuteAsync(connection, "CREATE EXTENSION IF NOT EXISTS timescaledb", cancellationToken);
            await transaction.CommitAsync(cancellationToken);
        }
        catch (PostgresException e)
        {
            throw new DatabaseSetupException(
                $"TimescaleDB is available on this server, but {server.User} cannot create it in the database {server.Database}: "
                    + $"{e.MessageText}. "
                + "Have an administrator allow and preload it and run CREATE EXTENSION timescaledb there, or ask for plain PostgreSQL.",
                e);
        }
    }

    private static async Task LockAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        // Until the transaction ends. Waits for another migration for as long as that takes; for a table not longer than writers can bear.
        await using var command = new NpgsqlCommand("SELECT pg_advisory_xact_lock($1), set_config('lock_timeout', '20s', true)", connection)
        {
            Parameters = { new() { Value = LockKey } },
            CommandTimeout = 0,
        };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static async Task SetParametersAsync(
        NpgsqlConnection connection, MigrationSettings options, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            "SELECT set_config('ingest.days_ahead', $1, true), set_config('ingest.retention_days', $2, true), "
                + "set_config('client_min_messages', 'warning', true)",
            connection)
        {
            Parameters =
            {
                new() { Value = options.PartitionDaysAhead.ToString(CultureInfo.InvariantCulture) },
                new() { Value = (options.RetentionDays ?? 0).ToString(CultureInfo.InvariantCulture) },
            },
        };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static List<string> Apply(NpgsqlConnection connection, string schema, IReadOnlyList<SqlScript> scripts)
    {
        var manager = new OpenConnectionManager(connection);
        var builder = new UpgradeEngineBuilder();
        builder.Configure(configuration =>
        {
            configuration.ConnectionManager = manager;
            configuration.ScriptExecutor = new PostgresqlScriptExecutor(
                () => configuration.ConnectionManager,
                () => configuration.Log,
                null,
                () => configuration.VariablesEnabled,
                configuration.ScriptPreprocessors,
                () => configuration.Journal);
        });
        var result = builder
            .JournalToPostgresqlTable(schema, Journal)
            .WithScripts(scripts)
            .WithVariablesDisabled()
            .WithExecutionTimeout(TimeSpan.Zero)
            .LogToNowhere()
            .Build()
            .PerformUpgrade();
        return result.Successful
            ? [.. result.Scripts.Where(script => script.SqlScriptOptions.ScriptType == ScriptType.RunOnce).Select(script => script.Name)]
            : throw MigrationFailure.Explain(result.Error, connection.ConnectionString, result.ErrorScript?.Name);
    }

    private static async Task<DateOnly?> LastPartitionAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            """
            SELECT max(to_date(right(c.relname, 8), 'YYYYMMDD'))
            FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
            WHERE i.inhparent = 'conditions'::regclass AND c.relname ~ '^conditions_\d{8}$'
            """,
            connection);
        return await command.ExecuteScalarAsync(cancellationToken) as DateOnly?;
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
