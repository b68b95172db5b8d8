using System.CommandLine;
using Ingest.Cli.Hosting;
using Ingest.Cli.Terminal;
using Ingest.Events;
using Ingest.Sources.EventHubs;
using Microsoft.Extensions.Logging;

namespace Ingest.Cli.Commands;

/// <summary><c>ingest run</c>.</summary>
internal static class RunCommand
{
    private static readonly Option<bool> Check = new("--check") { Description = "Only check settings, hub and database: say all that is wrong, each with what to do." };

    public static Command Create()
    {
        var command = new Command("run", "Run the worker: read all partitions of a hub and store their telemetry until stopped.")
        {
            SharedOptions.Hub, SharedOptions.ConsumerGroup, SharedOptions.Database, Check, SharedOptions.Set, SharedOptions.Json,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var configuration = SharedOptions.Configuration(arguments);
        var output = new Output(arguments.GetValue(SharedOptions.Json));
        var reader = new SettingsReader(configuration);
        var settings = PipelineSettings.Read(reader);
        var health = reader.Read<HealthSettings>(HealthSettings.Section);
        var mapping = reader.Mapping(settings.Telemetry);
        reader.ThrowIfAny();

        var clock = TimeProvider.System;
        using var signals = new ShutdownSignals(clock);
        using var telemetry = Telemetry.Start();
        using var loggers = Logging.ToStandardError(LogLevel.Information);
        await using var parts = PipelineParts.Create(settings, mapping!, Purpose.Worker, loggers);
        await using var client = new HubClient(settings.Hub, clock, loggers.CreateLogger<HubClient>());
        await StartUpCheck.RunAsync(client, settings.Hub.ConsumerGroup, parts, output, signals.Stop);
        if (arguments.GetValue(Check))
        {
            return ExitCode.Success;
        }

        using var worker = new HubWorker(client, settings.Telemetry.TimeSource, parts.Checkpoints.ClaimAsync, parts.Pipeline.ProcessAsync);
        await using var probes = await WorkerHealth.StartAsync(
            health, () => WorkerReport.Of(client.Hub, settings.Hub.ConsumerGroup, worker, parts.Pipeline.Health), loggers, signals.Stop);
        try
        {
            await worker.RunAsync(signals.Stop, signals.Abandon);
        }
        catch (OperationCanceledException) when (signals.Abandon.IsCancellationRequested)
        {
            throw new CommandException("The drain took too long, or was cut short: what was not committed will be read again by the next worker.", ExitCode.Failure);
        }
        finally
        {
            Report(output, worker);
        }

        return ExitCode.Success;
    }

    private static void Report(Output output, HubWorker worker)
    {
        var accounts = worker.Partitions.Aggregate(default(Accounts), (sum, partition) => sum + partition.Accounts);
        output.Line($"received {accounts.Received} = stored {accounts.Stored} + duplicate {accounts.Duplicate} + dead-lettered {accounts.DeadLettered} + ignored {accounts.Ignored}; collisions {accounts.Collisions}, missed {accounts.Missed}");
        if (output.Json)
        {
            Output.Write(new { accounts, partitions = worker.Partitions });
        }
    }
}
