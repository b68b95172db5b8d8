using Ingest.Cli.Hosting;
using Ingest.Cli.Terminal;
using Ingest.Events;
using Ingest.Sources.EventHubs;
using Ingest.Worker.Hosting;
using Microsoft.Extensions.Logging;

namespace Ingest.Cli.Commands;

/// <summary>The hub that a replay reads, checked.</summary>
internal sealed class HubSide : IAsyncDisposable
{
    private readonly HubClient _client;
    private readonly HubReplay _replay;
    private readonly Output _output;

    private HubSide(HubClient client, HubReplay replay, Output output)
    {
        _client = client;
        _replay = replay;
        _output = output;
    }

    /// <summary>Until when messages of some partition are gone from the hub; null: none that was wanted.</summary>
    public DateTime? GoneUntil => _replay.GoneUntil;

    /// <exception cref="StartUpException">Hub or database cannot be used.</exception>
    public static async Task<HubSide> OpenAsync(
        string group, PipelineComposition parts, ILoggerFactory loggers, Output output, CancellationToken cancellationToken)
    {
        var settings = parts.Settings;
        var client = new HubClient(settings.Hub, TimeProvider.System, loggers.CreateLogger<HubClient>(), HubLogin.Credential);
        try
        {
            (await StartUpCheck.RunAsync(client, group, parts, output.Line, cancellationToken)).ThrowIfAny();
            await RefuseGroupOfAWorkerAsync(parts, client.Hub, group, cancellationToken);
            var replay = new HubReplay(
                client, group, settings.Hub.ConsumerGroup, parts.Mapping.Fields, parts.Pipeline.ProcessAsync);
            return new HubSide(client, replay, output);
        }
        catch
        {
            await client.DisposeAsync();
            throw;
        }
    }

    public async Task<ReadingCounts> ReplayAsync(ReplayRange range, string? partition, CancellationToken cancellationToken)
    {
        var screen = new HubReplayScreen(_output, TimeProvider.System);
        return await ReplayCommand.ShowAsync(
            _output,
            screen,
            report => _replay.RunAsync(range, partition, report, cancellationToken),
            () => screen.Last?.Counts ?? default,
            cancellationToken);
    }

    public ValueTask DisposeAsync() => _client.DisposeAsync();

    private static async Task RefuseGroupOfAWorkerAsync(
        PipelineComposition parts, string hub, string group, CancellationToken cancellationToken)
    {
        var checkpoints = await parts.Checkpoints.ListAsync(cancellationToken);
        if (string.Equals(group, parts.Settings.Hub.ConsumerGroup, StringComparison.OrdinalIgnoreCase)
            || checkpoints.Any(
                checkpoint => checkpoint.Partition.Hub == hub && string.Equals(
                    checkpoint.Partition.ConsumerGroup, group, StringComparison.OrdinalIgnoreCase)))
        {
            throw new CommandException(
                $"The consumer group '{group}' is a worker's: a replay in it would take the worker's partitions. Add another group to "
                    + "the hub's endpoint and name it with --consumer-group.");
        }
    }
}
