using Ingest.Failures;
using Ingest.Schema;
using Ingest.Settings;
using Ingest.Sources.EventHubs;
using Npgsql;

namespace Ingest.Worker.Hosting;

/// <summary>What the start-up check found wrong.</summary>
/// <param name="Hub">With the hub.</param>
/// <param name="Database">With the database.</param>
public sealed record StartUpReport(IReadOnlyList<StartUpProblem> Hub, IReadOnlyList<StartUpProblem> Database)
{
    /// <summary>What stops no start, and may act on readings: triggers, policies, foreign keys.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    private IEnumerable<StartUpProblem> All => Hub.Concat(Database);

    /// <summary>Whether there is nothing.</summary>
    public bool IsClean => !All.Any();

    /// <summary>Whether waiting helps against all of it.</summary>
    public bool MayPass => All.All(problem => problem.MayPass);

    /// <exception cref="StartUpException">There is something; the message lists it all, each with what to do.</exception>
    public void ThrowIfAny()
    {
        if (!IsClean)
        {
            throw new StartUpException(ErrorLines.List("The start-up check found:", All.Select(problem => problem.Sentence)), MayPass);
        }
    }
}

/// <summary>Something that is wrong.</summary>
/// <param name="Sentence">What, and what to do.</param>
/// <param name="MayPass">Whether it may pass by itself.</param>
public sealed record StartUpProblem(string Sentence, bool MayPass);

/// <summary>Looks at hub and database before anything is read, and reports all that is wrong at once.</summary>
public static class StartUpCheck
{
    /// <param name="client">The hub.</param>
    /// <param name="consumerGroup">The group to be read in.</param>
    /// <param name="parts">The pipeline's parts.</param>
    /// <param name="tell">Told what was found; or null.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task<StartUpReport> RunAsync(
        HubClient client, string consumerGroup, PipelineComposition parts, Action<string>? tell, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(parts);
        var hub = await AskHubAsync(client, consumerGroup, tell, cancellationToken);
        return await RunAsync(parts, tell, cancellationToken) with { Hub = hub };
    }

    /// <summary>Looks at what an audit reads.</summary>
    /// <param name="client">The hub; null for an archive.</param>
    /// <param name="consumerGroup">The group to be read in.</param>
    /// <param name="dataSource">The database, of which nothing but reading is asked.</param>
    /// <param name="table">The table.</param>
    /// <param name="settings">How the database is used.</param>
    /// <param name="tell">Told what was found.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task<StartUpReport> RunAsync(
        HubClient? client,
        string consumerGroup,
        NpgsqlDataSource dataSource,
        TargetTable table,
        DatabaseSettings settings,
        Action<string> tell,
        CancellationToken cancellationToken)
    {
        var hub = client is null ? [] : await AskHubAsync(client, consumerGroup, tell, cancellationToken);
        return new StartUpReport(
            hub, await AskDatabaseAsync(dataSource, table, settings, DatabaseUse.Read, tell, [], cancellationToken));
    }

    /// <summary>Looks at the database alone, for what reads no hub.</summary>
    public static async Task<StartUpReport> RunAsync(
        PipelineComposition parts, Action<string>? tell, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(parts);
        List<string> warnings = [];
        var database = await AskDatabaseAsync(
            parts.DataSource,
            TargetTable.Of(parts.Mapping),
            parts.Settings.Database,
            parts.Settings.Telemetry.RetentionDays > 0 ? DatabaseUse.WriteAndDrop : DatabaseUse.Write,
            tell,
            warnings,
            cancellationToken);
        foreach (var warning in warnings)
        {
            tell?.Invoke($"warning: {warning}");
        }

        return new StartUpReport([], database) { Warnings = warnings };
    }

    private static async Task<List<StartUpProblem>> AskHubAsync(
        HubClient client, string consumerGroup, Action<string>? tell, CancellationToken cancellationToken)
    {
        List<StartUpProblem> problems = [];
        try
        {
            var hub = await client.GetHubAsync(cancellationToken);
            tell?.Invoke($"hub: {client.Hub}, {hub.PartitionIds.Length} partitions");
            var unknown = client.Settings.Partitions.Except(hub.PartitionIds).ToList();
            if (unknown.Count > 0)
            {
                problems.Add(
                    new(
                        $"Hub:Partitions names {string.Join(", ", unknown)}, and the hub has {string.Join(", ", hub.PartitionIds)}. "
                            + "Correct it, or leave it out to read all.",
                        MayPass: false));
            }

            if (hub.PartitionIds is [var first, ..])
            {
                await client.CheckConsumerGroupAsync(consumerGroup, first, cancellationToken);
            }
        }
        catch (HubException exception)
        {
            problems.Add(new(exception.Message, exception.Failure == HubFailure.Transient));
        }

        return problems;
    }

    private static async Task<List<StartUpProblem>> AskDatabaseAsync(
        NpgsqlDataSource dataSource,
        TargetTable table,
        DatabaseSettings settings,
        DatabaseUse use,
        Action<string>? tell,
        List<string> warnings,
        CancellationToken cancellationToken)
    {
        try
        {
            var report = await SchemaCheck.RunAsync(dataSource, table, settings, use, cancellationToken);
            tell?.Invoke($"database: PostgreSQL {report.ServerVersion}, "
                + $"{(report.TimescaleVersion is { } version ? $"TimescaleDB {version} ({report.TimescaleLicense})" : "no TimescaleDB")}");
            warnings.AddRange(report.Warnings.Select(warning => warning.ToString()));
            return [.. report.Problems.Select(problem => new StartUpProblem(problem.ToString(), MayPass: false))];
        }
        catch (Exception exception) when (exception is NpgsqlException || ConnectionFailure.IsNamed(exception))
        {
            // What may pass by itself is no setting that is wrong.
            var failure = await ConnectionFailure.OfAsync(dataSource, exception, cancellationToken);
            return [new(failure.Sentence, failure.Kind is FailureKind.Outage or FailureKind.TooSlow or FailureKind.RetryAtOnce)];
        }
    }
}
