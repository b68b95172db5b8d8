using Ingest.Checkpoints;
using Ingest.Cli.Hosting;
using Ingest.Cli.Terminal;
using Ingest.Events;
using Ingest.Sources;
using Ingest.Sources.EventHubs;
using Ingest.Worker.Hosting;
using Microsoft.Extensions.Logging;

namespace Ingest.Cli.Commands;

/// <summary>The hub that a replay or an audit reads, checked.</summary>
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

    /// <summary>The hub's name.</summary>
    public string Name => _client.Hub;

    /// <summary>For a replay.</summary>
    /// <exception cref="StartUpException">Hub or database cannot be used.</exception>
    public static Task<HubSide> OpenAsync(
        string group, PipelineComposition parts, ILoggerFactory loggers, Output output, CancellationToken cancellationToken) =>
        OpenAsync(
            group,
            parts.Settings.Hub,
            client => StartUpCheck.RunAsync(client, group, parts, output.Line, cancellationToken),
            parts.Checkpoints,
            (parts.Mapping.Fields, parts.Pipeline.ProcessAsync),
            loggers,
            output,
            cancellationToken);

    /// <exception cref="StartUpException">Hub or database cannot be used.</exception>
    public static async Task<HubSide> OpenAsync(
        string group,
        HubSettings settings,
        Func<HubClient, Task<StartUpReport>> check,
        CheckpointTable checkpoints,
        (EventFields Fields, ProcessEvents Process) pipeline,
        ILoggerFactory loggers,
        Output output,
        CancellationToken cancellationToken)
    {
        var client = new HubClient(settings, TimeProvider.System, loggers.CreateLogger<HubClient>(), HubLogin.Credential);
        try
        {
            (await check(client)).ThrowIfAny();
            await RefuseGroupOfAWorkerAsync(settings, checkpoints, client.Hub, group, cancellationToken);
            var replay = new HubReplay(client, group, settings.ConsumerGroup, pipeline.Fields, pipeline.Process);
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
        HubSettings settings, CheckpointTable checkpoints, string hub, string group, CancellationToken cancellationToken)
    {
        if (string.Equals(group, settings.ConsumerGroup, StringComparison.OrdinalIgnoreCase)
            || (await checkpoints.ListAsync(cancellationToken)).Any(
                checkpoint => checkpoint.Partition.Hub == hub && string.Equals(
                    checkpoint.Partition.ConsumerGroup, group, StringComparison.OrdinalIgnoreCase)))
        {
            throw new CommandException(
                $"The consumer group '{group}' is a worker's: reading in it would take the worker's partitions. Add another group to "
                    + "the hub's endpoint and name it with --consumer-group.");
        }
    }
}
