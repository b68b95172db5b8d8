using System.CommandLine;
using Ingest.Cli.Hosting;
using Ingest.Cli.Simulation;
using Ingest.Cli.Terminal;
using Ingest.Sources.EventHubs;
using Ingest.Worker.Hosting;
using Microsoft.Extensions.Logging;

namespace Ingest.Cli.Commands;

/// <summary><c>ingest simulate</c>.</summary>
internal static class SimulateCommand
{
    private static readonly Option<int> Devices = Arguments.Number("--devices", "Simulated devices.", 20, 1, 100_000);
    private static readonly Option<int> Rate = Arguments.Number("--rate", "Messages a second, all devices together.", 100, 1, 1_000_000);
    private static readonly Option<long?> Events =
        new("--events") { Description = "Stop after this many messages. Default: run until Ctrl-C.", HelpName = "number" };
    private static readonly Option<bool> Faults =
        new("--faults") { Description = "Of every 100 messages, one each of nine kinds of fault (see 'ingest up --help')." };

    public static Command Create()
    {
        var command = new Command("simulate", "Send the telemetry of simulated devices to any Event Hubs endpoint.")
        {
            SharedOptions.Hub, Devices, Rate, Events, Faults, SharedOptions.Set, SharedOptions.Json,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var reader = new SettingsReader(SharedOptions.Configuration(arguments));
        var settings = reader.Read<HubSettings>(HubSettings.Section);
        reader.ThrowIfAny();
        var devices = arguments.GetValue(Devices);
        var rate = arguments.GetValue(Rate);
        FleetLimits.Check(devices, rate);

        var output = new Output(arguments.GetValue(SharedOptions.Json));
        var clock = TimeProvider.System;
        using var signals = new ShutdownSignals(clock);
        using var loggers = Logging.ToStandardError(LogLevel.Warning);
        await using var client = new HubClient(settings, clock, loggers.CreateLogger<HubClient>(), HubLogin.Credential);
        var partitions = (await client.GetHubAsync(signals.Stop)).PartitionIds;
        await using var sender = new HubSender(client);
        var ledger = new SentLedger();
        var runner =
            new FleetRunner(new DeviceFleet(devices, arguments.GetValue(Faults), clock), ledger, partitions, FleetSender.To(sender), clock);

        output.Line($"sending to {client.Hub}, {partitions.Length} partitions; Ctrl-C stops");
        var started = clock.GetTimestamp();
        await runner.RunAsync(rate, arguments.GetValue(Events), signals.Stop, signals.Abandon);
        var seconds = clock.GetElapsedTime(started).TotalSeconds;
        if (output.Json)
        {
            Output.Write(
                new
                {
                    messagesSent = ledger.Messages,
                    resent = ledger.Resent,
                    elapsedSeconds = Math.Round(seconds, 3),
                    expected = ledger.Expected,
                    faults = ledger.Faults(),
                });
        }

        output.Line($"{ledger.Messages} messages sent and acknowledged in {seconds:0.0} s; {ledger.Resent} of them more than once.");
        return ExitCode.Success;
    }
}
