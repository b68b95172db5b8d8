using System.CommandLine;
using Ingest.Checkpoints;
using Ingest.Cli.Hosting;
using Ingest.Cli.Terminal;
using Ingest.Diagnostics;
using Ingest.Failures;
using Ingest.Schema;
using Ingest.Settings;
using Ingest.Sources.EventHubs;
using Ingest.Worker.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Ingest.Cli.Commands;

/// <summary><c>ingest status</c>: asks worker, hub and database, and shows what each of them says even where another is away.</summary>
internal static class StatusCommand
{
    private static readonly Option<int> Days = Arguments.Number("--days", "How many days' rows to count, today included.", 7, 1, 366);

    public static Command Create()
    {
        var command = new Command(
            "status", "Show how the worker stands, checkpoints with their lag, rows by day, dead letters by reason, and missed events.")
        {
            SharedOptions.Database, SharedOptions.Hub, Days, SharedOptions.Set, SharedOptions.Json,
        };
        command.SetAction(ShowAsync);
        return command;
    }

    private static async Task<int> ShowAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var output = new Output(arguments.GetValue(SharedOptions.Json));
        var reader = new SettingsReader(SharedOptions.Configuration(arguments));
        var hub = reader.ReadOptional<HubSettings>(HubSettings.Section);
        var telemetry = reader.Read<TelemetrySettings>(TelemetrySettings.Section);
        var databaseSettings = reader.ReadOptional<DatabaseSettings>(DatabaseSettings.Section);
        var health = reader.Read<HealthSettings>(HealthSettings.Section);
        var mapping = reader.Mapping(telemetry);
        reader.ThrowIfAny();

        var worker = await HealthClient.AskAsync(health, cancellationToken);
        var (ends, hubError) = await EndsAsync(hub, cancellationToken);
        var (database, stored, databaseError) = await AskDatabaseAsync(
            databaseSettings,
            new ProgressLines(output),
            TargetTable.Of(mapping!),
            arguments.GetValue(Days),
            ends,
            cancellationToken);
        if (output.Json)
        {
            Output.Write(new
            {
                database,
                databaseError,
                hubError,
                worker,
                checkpoints = stored?.Checkpoints,
                rowsByDay = stored?.Days,
                deadLettersByReason = stored?.Reasons,
                deadLetters = stored?.DeadLetters,
            });
        }
        else
        {
            var view = new StatusView(output);
            view.Show(worker, withPartitions: stored is null);
            view.Show(database ?? "no database", stored, databaseError, hubError, lagKnown: ends.Count > 0);
        }

        return databaseError is null && hubError is null ? ExitCode.Success : ExitCode.Failure;
    }

    private static async Task<(Dictionary<(string Hub, string Partition), long> Ends, string? Error)> EndsAsync(
        HubSettings settings, CancellationToken cancellationToken)
    {
        Dictionary<(string, string), long> ends = [];
        if (settings.ConnectionString.Length == 0 && string.IsNullOrEmpty(settings.FullyQualifiedNamespace))
        {
            return (ends, null);
        }

        await using var client = new HubClient(settings, TimeProvider.System, NullLogger<HubClient>.Instance, HubLogin.Credential);
        try
        {
            foreach (var partition in (await client.GetHubAsync(cancellationToken)).PartitionIds)
            {
                ends[(client.Hub, partition)] = (await client.GetPartitionAsync(partition, cancellationToken)).LastEnqueuedSequenceNumber;
            }

            return (ends, null);
        }
        catch (HubException exception)
        {
            return (ends, exception.Message);
        }
    }

    private static async Task<(string? Name, StoredState? Stored, string? Error)> AskDatabaseAsync(
        DatabaseSettings settings,
        IProgress<string> progress,
        TargetTable table,
        int days,
        Dictionary<(string Hub, string Partition), long> ends,
        CancellationToken cancellationToken)
    {
        try
        {
            await using var database = await CommandDatabase.OpenAsync(settings, progress, cancellationToken);
            var (stored, error) = await ReadAsync(database.DataSource, table, days, ends, cancellationToken);
            return (database.Name, stored, error);
        }
        catch (CommandException exception)
        {
            // None is named, or it cannot be used now: what worker and hub said is still worth showing.
            return (null, null, exception.Message);
        }
    }

    private static async Task<(StoredState? Stored, string? Error)> ReadAsync(
        NpgsqlDataSource dataSource,
        TargetTable table,
        int days,
        Dictionary<(string Hub, string Partition), long> ends,
        CancellationToken cancellationToken)
    {
        try
        {
            var checkpoints = await new CheckpointTable(dataSource).ListAsync(cancellationToken);
            var owners = (await new PartitionOwnerTable(dataSource).ListAsync(cancellationToken))
                .Where(owner => owner.Owner.Length > 0)
                .ToDictionary(owner => owner.Partition);
            var store = new StoreReader(dataSource, table);
            return (
                new StoredState(
                    [.. checkpoints.Select(checkpoint => CheckpointLine.From(checkpoint, ends, owners))],
                    await store.RowsByDayAsync(days, TimeProvider.System, cancellationToken),
                    await store.DeadLettersByReasonAsync(cancellationToken),
                    await store.DeadLetterAccountsAsync(cancellationToken)),
                null);
        }
        catch (Exception exception) when (exception is NpgsqlException || ConnectionFailure.IsNamed(exception))
        {
            return (null, (await ConnectionFailure.OfAsync(dataSource, exception, cancellationToken)).Sentence);
        }
    }
}
