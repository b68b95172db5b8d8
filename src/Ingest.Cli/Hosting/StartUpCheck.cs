using Ingest.Cli.Terminal;
using Ingest.Schema;
using Ingest.Sources.EventHubs;
using Ingest.Write;
using Npgsql;

namespace Ingest.Cli.Hosting;

/// <summary>Checks hub and database before anything is read, and reports all that is wrong at once; an output is told what was found.</summary>
internal static class StartUpCheck
{
    /// <exception cref="CommandException">Something does not fit; the message lists it all, each with what to do.</exception>
    public static async Task RunAsync(HubClient client, string consumerGroup, PipelineParts parts, Output? output, CancellationToken cancellationToken)
    {
        List<string> problems = [];
        var passing = 0;
        try
        {
            var hub = await client.GetHubAsync(cancellationToken);
            output?.Line($"hub: {client.Hub}, {hub.PartitionIds.Count} partitions");
            var unknown = parts.Settings.Hub.Partitions.Except(hub.PartitionIds).ToList();
            if (unknown.Count > 0)
            {
                problems.Add($"Hub:Partitions names {string.Join(", ", unknown)}, and the hub has {string.Join(", ", hub.PartitionIds)}. Correct it, or leave it out to read all.");
            }

            if (hub.PartitionIds is [var first, ..])
            {
                await client.CheckConsumerGroupAsync(consumerGroup, first, cancellationToken);
            }
        }
        catch (HubException exception)
        {
            passing += exception.Failure == HubFailure.Transient ? 1 : 0;
            problems.Add(exception.Message);
        }

        try
        {
            var report = await SchemaCheck.RunAsync(parts.DataSource, TargetTable.Of(parts.Mapping), parts.Settings.Database, cancellationToken);
            output?.Line($"database: PostgreSQL {report.ServerVersion}, {(report.TimescaleVersion is { } version ? $"TimescaleDB {version} ({report.TimescaleLicense})" : "no TimescaleDB")}");
            problems.AddRange(report.Problems.Select(problem => problem.ToString()));
        }
        catch (NpgsqlException exception)
        {
            var failure = PostgresFailure.Of(exception);
            passing += failure.Kind is FailureKind.Outage or FailureKind.TooSlow ? 1 : 0;
            problems.Add(failure.Sentence);
        }

        if (problems.Count > 0)
        {
            // What may pass by itself is no setting that is wrong: whoever restarts the worker shall go on doing so.
            throw new CommandException(
                string.Join(Environment.NewLine, problems.Select(problem => "  - " + problem).Prepend("The start-up check found:")),
                passing == problems.Count ? ExitCode.Failure : ExitCode.Unusable);
        }
    }
}
