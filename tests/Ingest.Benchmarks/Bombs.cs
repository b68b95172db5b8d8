using System.CommandLine;
using System.Globalization;
using Ingest.Database.Migrations;
using Ingest.TestSupport.Databases;
using Ingest.TestSupport.Fuzzing;

namespace Ingest.Benchmarks;

/// <summary>The long run of the small messages that hold much work, which the tests run briefly.</summary>
internal static class Bombs
{
    public static Command Command()
    {
        var messages =
            new Option<int>("--messages") { Description = "How many messages of each kind.", DefaultValueFactory = _ => 100_000 };
        var kinds = new Option<string[]>("--kind")
        {
            Description = "invalid, equal or different readings; repeatable.",
            DefaultValueFactory = _ => ["invalid", "equal"],
        };
        var command =
            new Command("bombs", "Messages of some sixty bytes with ten thousand readings each, through a pipeline with a heap of 512 "
                + "MiB into a native PostgreSQL.") { messages, kinds };
        command.SetAction(async (result, cancellationToken) =>
        {
            Console.WriteLine(Machine.Shape);
            await using var server = await NativePostgres.StartAsync(cancellationToken: cancellationToken);
            foreach (var kind in result.GetValue(kinds)!)
            {
                var database = await server.CreateDatabaseAsync(cancellationToken);
                await DatabaseMigrator.MigrateAsync(database, new MigrationSettings { PlainPostgres = true }, cancellationToken);
                if (!Judge(kind, await BombProcess.RunAsync(kind, result.GetValue(messages), database, cancellationToken)))
                {
                    return 1;
                }
            }

            return 0;
        });
        return command;
    }

    private static bool Judge(string kind, BombResult result)
    {
        var counts = result.Counts;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{kind}: {result.Messages:n0} messages in {result.Seconds:n0} s, {result.PeakResidentBytes / 1e6:n0} MB resident at the "
                + $"most: {counts.Received:n0} received = {counts.Stored:n0} stored + {counts.Duplicate:n0} duplicate + "
                + $"{counts.DeadLettered:n0} dead-lettered ({counts.NotKept:n0} counted only) + {counts.Ignored:n0} ignored"));
        return counts.Balance
            && counts == result.Stored
            && counts.Received == result.Messages * DecodedWorkBombs.Readings
            && result.PeakResidentBytes <= BombProcess.MostResidentBytes;
    }
}
