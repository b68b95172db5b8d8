using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Ingest.Database.Embedded;
using Ingest.Database.Migrations;
using Ingest.LocalHub;
using Ingest.Sources.EventHubs;
using Ingest.TestSupport.Databases;
using Ingest.TestSupport.Faults;
using Ingest.TestSupport.Fuzzing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Ingest.Benchmarks;

/// <summary>The long runs of the fuzzers that the tests run briefly.</summary>
internal static class Fuzzing
{
    private const int Progress = 1_000_000;

    public static Command Command()
    {
        var bodies =
            new Option<long>("--bodies") { Description = "How many bodies, inputs or messages.", DefaultValueFactory = _ => 1_000_000 };
        var seed = new Option<int>("--seed")
        {
            Description = "Where to start; the same seed gives the same bodies.",
            DefaultValueFactory = _ => 1,
        };
        var pipeline =
            new Option<bool>("--pipeline")
            {
                Description = "Through the whole pipeline into a native PostgreSQL, where every body is "
                + "looked for; otherwise through the decoder alone."
            };
        var embedded = new Option<bool>("--embedded")
        {
            Description = "Raw bytes into the embedded database's port instead, each input on a connection of its own.",
        };
        var amqp = new Option<bool>("--amqp")
        {
            Description = "Damaged AMQP into the local hub's port instead, each input on a connection of its own.",
        };
        var health = new Option<bool>("--health")
        {
            Description = "Raw bytes into a worker's health port instead, each input on a connection of its own.",
        };
        var worker = new Option<bool>("--worker")
        {
            Description =
                "Messages made out of AMQP's grammar, by way of the local hub into a worker process, where every one is looked for, and "
                    + "frames that no hub would send between its own.",
        };
        var command = new Command(
            "fuzz",
            "Mutated bodies, each judged by an independent reading of it.") { bodies, seed, pipeline, embedded, amqp, health, worker };
        command.SetAction(async (result, cancellationToken) =>
            result.GetValue(health) ? await RunHealthAsync(result.GetValue(bodies), result.GetValue(seed), cancellationToken) :
            result.GetValue(worker) ? await RunWorkerAsync(result.GetValue(bodies), result.GetValue(seed), cancellationToken) :
            result.GetValue(amqp) ? await RunAmqpAsync(result.GetValue(bodies), result.GetValue(seed), cancellationToken) :
            result.GetValue(embedded) ? await RunEmbeddedAsync(result.GetValue(bodies), result.GetValue(seed), cancellationToken)
            : result.GetValue(pipeline) ? await RunPipelineAsync(result.GetValue(bodies), result.GetValue(seed), cancellationToken)
            : Run(result.GetValue(bodies), result.GetValue(seed)));
        return command;
    }

    private static async Task<int> RunAmqpAsync(long inputs, int seed, CancellationToken cancellationToken)
    {
        await using var hub = await LocalEventHub.StartAsync(
            new LocalHubSettings { Port = 0, SharedAccessKey = "a2V5LW9mLXRoZS1sb2NhbC1odWI=" }, cancellationToken);
        await using var client = new HubClient(
            new HubSettings { ConnectionString = hub.ConnectionString }, TimeProvider.System, NullLogger<HubClient>.Instance);
        var started = Stopwatch.GetTimestamp();
        var fuzzer = new AmqpPortFuzzer(hub.Port, seed);
        while (fuzzer.Inputs < inputs)
        {
            if (await fuzzer.RunAsync(Math.Min(Progress / 20, inputs - fuzzer.Inputs), ServesAsync, cancellationToken) is { } failure)
            {
                await Console.Error.WriteLineAsync(failure);
                return 1;
            }

            using var self = Process.GetCurrentProcess();
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{fuzzer.Inputs:n0} inputs in {Stopwatch.GetElapsedTime(started).TotalSeconds:n0} s: every connection ended, every "
                    + $"{1_000:n0} an honest client served; {self.WorkingSet64 / 1_048_576:n0} MiB"));
        }

        return 0;

        async Task<bool> ServesAsync() => (await client.GetHubAsync(cancellationToken)).PartitionIds.Length == 4;
    }

    private static async Task<int> RunHealthAsync(long inputs, int seed, CancellationToken cancellationToken)
    {
        await using var stage = await FaultStage.CreateAsync(new FaultStageOptions { MessagesPerSecond = 10 }, seed, cancellationToken);
        var worker = stage.StartWorker();
        await stage.UntilAsync("its probes answer that it is well", () => worker.IsProbedAsync(cancellationToken), cancellationToken);
        var started = Stopwatch.GetTimestamp();
        var fuzzer = new HealthPortFuzzer(worker.HealthPort, seed);
        while (fuzzer.Inputs < inputs)
        {
            if (await fuzzer.RunAsync(Math.Min(Progress / 20, inputs - fuzzer.Inputs),
                () => worker.IsProbedAsync(cancellationToken), cancellationToken) is { } failure)
            {
                await Console.Error.WriteLineAsync(failure);
                return 1;
            }

            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{fuzzer.Inputs:n0} inputs in {Stopwatch.GetElapsedTime(started).TotalSeconds:n0} s: every connection ended, "
                    + $"{fuzzer.Answered:n0} with an answer, {fuzzer.AskedByForeignName:n0} under a foreign name refused, every "
                    + $"{1_000:n0} an honest probe answered; the worker has {worker.ResidentBytes() / 1_048_576:n0} MiB"));
        }

        await stage.CatchesUpAsync(cancellationToken);
        var counts = await stage.CountsAsync(cancellationToken);
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"Meanwhile the worker has stored {counts.Stored:n0} of {counts.Received:n0} readings, missed {counts.Missed}."));
        return 0;
    }

    private static async Task<int> RunWorkerAsync(long messages, int seed, CancellationToken cancellationToken)
    {
        await using var server = await NativePostgres.StartAsync(cancellationToken: cancellationToken);
        await using var fuzzer = await AmqpWorkerFuzzer.StartAsync(server, seed, cancellationToken);
        var started = Stopwatch.GetTimestamp();
        while (fuzzer.Messages < messages)
        {
            if (await fuzzer.RunAsync(Math.Min(Progress / 100, messages - fuzzer.Messages), cancellationToken) is { } failure)
            {
                await Console.Error.WriteLineAsync(failure);
                return 1;
            }

            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{fuzzer.Messages:n0} messages and {fuzzer.Frames:n0} frames in {Stopwatch.GetElapsedTime(started).TotalSeconds:n0} s, "
                    + $"each looked for: {fuzzer.Counts.Received:n0} received = {fuzzer.Counts.Stored:n0} stored + "
                    + $"{fuzzer.Counts.Duplicate:n0} duplicate + {fuzzer.Counts.DeadLettered:n0} dead-lettered "
                    + $"({string.Join(", ", fuzzer.Reasons.Select(pair => $"{pair.Key} {pair.Value:n0}"))}) + "
                    + $"{fuzzer.Counts.Ignored:n0} ignored; missed {fuzzer.Counts.Missed}"));
        }

        return 0;
    }

    private static async Task<int> RunEmbeddedAsync(long inputs, int seed, CancellationToken cancellationToken)
    {
        var folder = Directory.CreateTempSubdirectory("ingest-fuzzed-");
        var options = new EmbeddedDatabaseSettings { DataFolder = folder.FullName, PackagesFolder = TestPackages.StateFolder };
        try
        {
            await using var database = await EmbeddedDatabase.StartAsync(options, progress: null, cancellationToken);
            var started = Stopwatch.GetTimestamp();
            var fuzzer = new EmbeddedPortFuzzer(database.ConnectionString, seed);
            while (fuzzer.Inputs < inputs)
            {
                if (await fuzzer.RunAsync(Math.Min(Progress / 10, inputs - fuzzer.Inputs), cancellationToken) is { } failure)
                {
                    await Console.Error.WriteLineAsync(failure);
                    return 1;
                }

                using var server = Process.GetProcessById(database.ProcessId);
                Console.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{fuzzer.Inputs:n0} inputs ({fuzzer.LoggedIn:n0} after a login) in "
                        + $"{Stopwatch.GetElapsedTime(started).TotalSeconds:n0} s: nobody let in, every connection ended, every "
                        + $"{1_000:n0} an honest client served; {server.WorkingSet64 / 1_048_576:n0} MiB"));
            }

            return 0;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task<int> RunPipelineAsync(long bodies, int seed, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        await using var server = await NativePostgres.StartAsync(cancellationToken: cancellationToken);
        var database = await server.CreateDatabaseAsync(cancellationToken);
        await DatabaseMigrator.MigrateAsync(database, new MigrationSettings { PlainPostgres = true }, cancellationToken);
        await using var fuzzer = await PipelineFuzzer.CreateAsync(database, seed, cancellationToken);
        while (fuzzer.Bodies < bodies)
        {
            if (await fuzzer.RunAsync(Math.Min(Progress, bodies - fuzzer.Bodies), cancellationToken) is { } failure)
            {
                await Console.Error.WriteLineAsync(failure);
                return 1;
            }

            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{fuzzer.Bodies:n0} bodies and {fuzzer.Bombs:n0} that hold much work in "
                    + $"{Stopwatch.GetElapsedTime(started).TotalSeconds:n0} s, with their neighbours: {fuzzer.Counts.Received:n0} "
                    + $"received = {fuzzer.Counts.Stored:n0} stored + {fuzzer.Counts.Duplicate:n0} duplicate + "
                    + $"{fuzzer.Counts.DeadLettered:n0} dead-lettered + {fuzzer.Counts.Ignored:n0} ignored, and all of them sent "
                    + $"again without a trace"));
        }

        return 0;
    }

    private static int Run(long bodies, int seed)
    {
        var started = Stopwatch.GetTimestamp();
        var fuzzer = new DecoderFuzzer(seed);
        while (fuzzer.Bodies < bodies)
        {
            if (fuzzer.Run((int)Math.Min(Progress, bodies - fuzzer.Bodies)) is { } failure)
            {
                Console.Error.WriteLine(failure);
                return 1;
            }

            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{fuzzer.Bodies:n0} bodies and {fuzzer.Bombs:n0} that hold much work in "
                    + $"{Stopwatch.GetElapsedTime(started).TotalSeconds:n0} s: {fuzzer.Stored:n0} readings taken, {fuzzer.Rejected:n0} "
                    + $"rejected ({string.Join(", ", fuzzer.Reasons.Select(pair => $"{pair.Key} {pair.Value:n0}"))}), "
                    + $"{fuzzer.Ignored:n0} ignored; {Environment.WorkingSet / 1_000_000:n0} MB resident"));
        }

        return 0;
    }
}
