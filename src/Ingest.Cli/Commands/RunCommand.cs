using System.CommandLine;
using Ingest.Cli.Hosting;
using Ingest.Cli.Terminal;
using Ingest.Sources.EventHubs;
using Ingest.Worker;
using Ingest.Worker.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Ingest.Cli.Commands;

/// <summary><c>ingest run</c>.</summary>
internal static class RunCommand
{
    private static readonly Option<bool> Check =
        new("--check") { Description = "Only check settings, hub and database; report every problem and what to do about it." };

    public static Command Create()
    {
        var command = new Command(
            "run", "Run a worker: read a hub's partitions and store their telemetry until stopped. Several workers share the partitions.")
        {
            SharedOptions.Hub, SharedOptions.ConsumerGroup, SharedOptions.Database, Check, SharedOptions.Set, SharedOptions.Json,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var settings = WorkerSettings.Read(SharedOptions.Configuration(arguments));
        var output = new Output(arguments.GetValue(SharedOptions.Json));
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Services.AddSingleton(_ => Logging.ToStandardError(LogLevel.Information));
        builder.Services.AddIngestWorker(settings);
        using var host = builder.Build();
        if (arguments.GetValue(Check))
        {
            var services = host.Services;
            var report = await StartUpCheck.RunAsync(
                services.GetRequiredService<HubClient>(),
                settings.Pipeline.Hub.ConsumerGroup,
                services.GetRequiredService<PipelineComposition>(),
                output.Line,
                services.GetRequiredService<ShutdownSignals>().Stop);
            report.ThrowIfAny();
            return ExitCode.Success;
        }

        var (worker, service) = (host.Services.GetRequiredService<HubWorker>(), host.Services.GetRequiredService<WorkerService>());
        await host.RunAsync(CancellationToken.None);
        Report(output, worker);
        try
        {
            service.ThrowIfFailed();
        }
        catch (OperationCanceledException)
        {
            throw new CommandException(
                "Shutting down took too long or was interrupted; whatever was not committed will be read again by the next worker.",
                ExitCode.Failure);
        }

        return ExitCode.Success;
    }

    private static void Report(Output output, HubWorker worker)
    {
        var counts = worker.Counts;
        output.Line(
            $"received {counts.Received} = stored {counts.Stored} + duplicate {counts.Duplicate} + dead-lettered "
                + $"{counts.DeadLettered} + ignored {counts.Ignored}; collisions {counts.Collisions}, missed {counts.Missed}");
        if (output.Json)
        {
            Output.Write(new { counts });
        }
    }
}
