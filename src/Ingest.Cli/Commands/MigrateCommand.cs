using System.CommandLine;
using System.Globalization;
using Ingest.Cli.Hosting;
using Ingest.Cli.Terminal;
using Ingest.Database.Migrations;
using Ingest.Settings;
using Ingest.Worker.Hosting;

namespace Ingest.Cli.Commands;

/// <summary><c>ingest migrate</c>.</summary>
internal static class MigrateCommand
{
    private static readonly Option<bool> Plain = new("--plain") { Description = "Plain PostgreSQL partitions by day, even where TimescaleDB is available." };
    private static readonly Option<bool> NoCompression = new("--no-compression") { Description = "Do not compress old chunks, even where the server can." };
    private static readonly Option<int?> Retention = new("--retention-days") { Description = "Drop readings older than this many days. Default: keep them.", HelpName = "days" };
    private static readonly Option<int> Ahead = Arguments.Number("--partition-days-ahead", "Days ahead that get their partition, on plain PostgreSQL.", 30, 1, 3_650);

    public static Command Create()
    {
        var command = new Command("migrate", "Create or update the default tables from sql/. Safe to repeat, and from two places at once.")
        {
            SharedOptions.Database, Plain, NoCompression, Retention, Ahead, SharedOptions.Set, SharedOptions.Json,
        };
        command.SetAction(MigrateAsync);
        return command;
    }

    private static async Task<int> MigrateAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var output = new Output(arguments.GetValue(SharedOptions.Json));
        var reader = new SettingsReader(SharedOptions.Configuration(arguments));
        var settings = reader.ReadOptional<DatabaseSettings>(DatabaseSettings.Section);
        if (arguments.GetValue(Retention) is < 1 or > 36_500)
        {
            reader.Add("--retention-days takes 1 to 36500 days; leave it out to keep readings for ever.");
        }

        reader.ThrowIfAny();
        var options = new MigrationSettings
        {
            PlainPostgres = arguments.GetValue(Plain),
            Compress = !arguments.GetValue(NoCompression),
            RetentionDays = arguments.GetValue(Retention),
            PartitionDaysAhead = arguments.GetValue(Ahead),
        };
        await using var database = await CommandDatabase.OpenAsync(settings, new ProgressLines(output), cancellationToken);
        var report = await DatabaseMigrator.MigrateAsync(database.DataSource, options, cancellationToken);
        if (output.Json)
        {
            Output.Write(report);
        }

        MigrationLines.Print(output, database.Name, report);
        return ExitCode.Success;
    }
}

/// <summary>A migration's report in words.</summary>
internal static class MigrationLines
{
    public static void Print(Output output, string database, MigrationReport report)
    {
        var edition = report.Edition switch
        {
            DatabaseEdition.TimescaleFull => $"TimescaleDB {report.TimescaleVersion} (full edition)",
            DatabaseEdition.TimescaleApache => $"TimescaleDB {report.TimescaleVersion} (Apache-2 edition)",
            _ => "no TimescaleDB",
        };
        var layout = report.Layout switch
        {
            TableLayout.Hypertable => "a hypertable with a chunk a day",
            TableLayout.DayPartitions => "partitioned by day, in place of a hypertable",
            _ => "an ordinary table, as it was found",
        };
        output.Line($"{database}: PostgreSQL {report.PostgresVersion}, {edition}; schema {report.Schema}; conditions is {layout}.");
        output.Line(report.Applied.Count == 0 ? "Everything was in place." : $"Applied: {string.Join(", ", report.Applied)}.");
        if (report.PartitionsUntil is { } last)
        {
            output.Line($"Partitions are made up to {last.ToString("O", CultureInfo.InvariantCulture)}: run this daily, or later readings wait in the default partition until the next run.");
        }

        foreach (var left in report.LeftOut)
        {
            output.Line($"Left out: {left.What}. {left.Why}{(left.ToDo is { } todo ? " " + todo : "")}");
        }
    }
}
