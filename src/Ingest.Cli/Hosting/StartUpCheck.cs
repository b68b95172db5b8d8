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
    public static async Task RunAsync(HubClient client, PipelineParts parts, Output? output, CancellationToken cancellationToken)
    {
        List<string> problems = [];
        try
        {
            var hub = await client.GetHubAsync(cancellationToken);
            output?.Line($"hub: {client.Hub}, {hub.PartitionIds.Count} partitions");
            var unknown = parts.Settings.Hub.Partitions.Except(hub.PartitionIds).ToList();
            if (unknown.Count > 0)
            {
                problems.Add($"Hub:Partitions names {string.Join(", ", unknown)}, and the hub has {string.Join(", ", hub.PartitionIds)}. Correct it, or leave it out to read all.");
            }
        }
        catch (HubException exception)
        {
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
            problems.Add(PostgresFailure.Of(exception).Sentence);
        }

        if (problems.Count > 0)
        {
            throw new CommandException(string.Join(Environment.NewLine, problems.Select(problem => "  - " + problem).Prepend("The start-up check found:")));
        }
    }
}
