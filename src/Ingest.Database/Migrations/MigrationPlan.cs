using System.Globalization;
using DbUp.Engine;

namespace Ingest.Database.Migrations;

/// <summary>Which scripts fit a server, and what is left out there. Pure: what the server is goes in, the plan comes out.</summary>
internal sealed record MigrationPlan(IReadOnlyList<SqlScript> Scripts, IReadOnlyList<LeftOut> LeftOut, TableLayout Layout)
{
    // The first without the fault that stops a multi-row DO NOTHING at its first conflict in a compressed chunk.
    private static readonly Version OldestToCompress = new(2, 18, 1);

    public static MigrationPlan For(ServerFacts server, MigrationSettings options)
    {
        var layout = LayoutOf(server, options);
        var scripts = SqlScripts.For(layout == TableLayout.Hypertable ? server.Edition : DatabaseEdition.PlainPostgres).ToList();
        var leftOut = new List<LeftOut>();

        if (layout == TableLayout.Hypertable)
        {
            PlanPolicies(server, options, scripts, leftOut);
        }
        else
        {
            PlanWithoutTimescale(server, options, layout, scripts, leftOut);
        }

        if (options.RetentionDays is null)
        {
            Remove(scripts, "0007_retention");
        }

        if (!server.HasWriterRole && !server.MayCreateRoles)
        {
            Remove(scripts, "0008_ingest_writer");
            leftOut.Add(new LeftOut(
                "the role ingest_writer",
                $"{server.User} may not create roles",
                "Have a role that may run: CREATE ROLE ingest_writer NOLOGIN; then migrate again, which grants it what the worker needs"));
        }

        return new MigrationPlan(scripts, leftOut, layout);
    }

    internal static Version NumberOf(string timescaleVersion) =>
        Version.TryParse(timescaleVersion.Split('-')[0], out var version) ? version : new Version(0, 0);

    private static TableLayout LayoutOf(ServerFacts server, MigrationSettings options)
    {
        if (server.Conditions == TableLayout.Hypertable && options.PlainPostgres)
        {
            throw new DatabaseSetupException("conditions is a hypertable already, and stays one. Migrate without asking for plain PostgreSQL.");
        }

        return server.Conditions switch
        {
            TableLayout.DayPartitions or TableLayout.Hypertable => server.Conditions.Value,
            TableLayout.Ordinary when server.TimescaleVersion is null || options.PlainPostgres => TableLayout.Ordinary,
            _ => server.TimescaleVersion is null || options.PlainPostgres ? TableLayout.DayPartitions : TableLayout.Hypertable,
        };
    }

    private static void PlanPolicies(ServerFacts server, MigrationSettings options, List<SqlScript> scripts, List<LeftOut> leftOut)
    {
        if (server.Edition == DatabaseEdition.TimescaleApache)
        {
            leftOut.Add(new LeftOut("compression, continuous aggregates", "the Apache-2 edition of TimescaleDB has neither"));
            leftOut.Add(new LeftOut(
                "a retention policy",
                "the Apache-2 edition of TimescaleDB runs no policies",
                options.RetentionDays is { } days
                    ? string.Create(CultureInfo.InvariantCulture, $"Data older than {days} days is dropped whenever migrate runs with this retention: run it daily")
                    : null));
        }
        else if (!options.Compress)
        {
            Remove(scripts, "0005_compression");
        }
        else if (NumberOf(server.TimescaleVersion!) < OldestToCompress)
        {
            Remove(scripts, "0005_compression");
            leftOut.Add(new LeftOut(
                "compression",
                $"TimescaleDB {server.TimescaleVersion} can lose rows of an upsert into a compressed chunk",
                $"Update TimescaleDB to {OldestToCompress} or later, then migrate again"));
        }
    }

    private static void PlanWithoutTimescale(
        ServerFacts server,
        MigrationSettings options,
        TableLayout layout,
        List<SqlScript> scripts,
        List<LeftOut> leftOut)
    {
        if (layout == TableLayout.Ordinary)
        {
            scripts.RemoveAll(script => SqlScripts.Subject(script.Name) is "0001_conditions" or "0006_partitions" or "0007_retention");
            leftOut.Add(new LeftOut(
                "a hypertable, partitions by day",
                "conditions was there as an ordinary table, and stays as it is",
                "Start-up checks that it fits; to have it partitioned, rename it, migrate again, and copy its rows"));
            return;
        }

        leftOut.Add(new LeftOut(
            "a hypertable, compression, continuous aggregates",
            server.TimescaleVersion is null
                ? "this is PostgreSQL without TimescaleDB: conditions has a partition a day instead"
                : "conditions has a partition a day, as was asked for or as it was found",
            string.Create(
                CultureInfo.InvariantCulture,
                $"Nothing in the server makes further partitions: run migrate at least every {options.PartitionDaysAhead} days. Until then later readings go into conditions_default; none is refused")));
        if (options.RetentionDays is { } days)
        {
            leftOut.Add(new LeftOut(
                "a retention policy",
                "PostgreSQL runs no policies",
                string.Create(CultureInfo.InvariantCulture, $"Data older than {days} days is dropped whenever migrate runs with this retention: run it daily")));
        }
    }

    private static void Remove(List<SqlScript> scripts, string subject) =>
        scripts.RemoveAll(script => SqlScripts.Subject(script.Name) == subject);
}
