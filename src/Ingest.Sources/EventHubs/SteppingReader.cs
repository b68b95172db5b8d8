using Azure.Core.Amqp;
using Azure.Messaging.EventHubs;
using Ingest.Events;

namespace Ingest.Sources.EventHubs;

/// <summary>
/// Reads a partition as raw bytes, an event at a time, and decodes each by itself: the way past an event that Microsoft's client cannot
/// read. Used for that case alone.
/// </summary>
internal sealed class SteppingReader : IAsyncDisposable
{
    /// <summary>After so many events read without trouble the client is trusted again.</summary>
    public const int StepsPastTrouble = 100;

    // The decoder takes 64 levels, but recurses into descriptors without a limit: a message of nothing else ends the process.
    private const int DeepestNesting = 1_000;

    private readonly HubClient _client;
    private readonly string _partition;
    private readonly RawPartitionReader _raw;
    private readonly EventMapping _mapping;
    private readonly EventFields _fields;
    private readonly Queue<RawEvent> _found = [];
    private long? _last;

    private SteppingReader(HubClient client, string partition, RawPartitionReader raw, EventMapping mapping, EventFields fields)
    {
        _client = client;
        _partition = partition;
        _raw = raw;
        _mapping = mapping;
        _fields = fields;
    }

    /// <exception cref="HubException">The hub cannot be reached or refuses.</exception>
    public static async Task<SteppingReader> OpenAsync(
        HubClient client,
        string consumerGroup,
        string partition,
        StartAt start,
        long? ownerLevel,
        EventFields fields,
        CancellationToken cancellationToken) =>
        new(
            client,
            partition,
            await RawPartitionReader.OpenAsync(client, consumerGroup, partition, start, ownerLevel, cancellationToken),
            new EventMapping(client.Hub, partition, fields),
            fields);

    /// <summary>
    /// The next event, decoded or with the reason why it cannot be; null where none came. It always has a sequence number.
    /// </summary>
    /// <exception cref="HubException">The hub cannot be reached or refuses.</exception>
    public async Task<RawEvent?> NextAsync(TimeSpan wait, CancellationToken cancellationToken)
    {
        if (_found.Count == 0)
        {
            await FindAsync(wait, cancellationToken);
        }

        return _found.TryDequeue(out var next) ? next : null;
    }

    public ValueTask DisposeAsync() => _raw.DisposeAsync();

    private async Task FindAsync(TimeSpan wait, CancellationToken cancellationToken)
    {
        // Where not even the hub's annotations can be read, an event is the one after the last: or, where none was read yet, the one before
        // the next.
        var unnumbered = new List<(byte[] Bytes, string Reason)>();
        while (await _raw.ReceiveAsync(wait, cancellationToken) is { } bytes)
        {
            var system = UndecodableMessage.SystemPropertiesOf(bytes);
            var (decoded, reason) = Decode(bytes, system);
            if (system.SequenceNumber is null && _last is null)
            {
                unnumbered.Add((bytes, reason!));
                continue;
            }

            var number = system.SequenceNumber ?? _last!.Value + 1;
            AddUnnumbered(unnumbered, number);
            _found.Enqueue(decoded ?? Undecodable(bytes, system, number, reason!));
            _last = number;
            return;
        }

        if (unnumbered.Count > 0)
        {
            var end = await _client.GetPartitionAsync(_partition, cancellationToken);
            AddUnnumbered(unnumbered, end.LastEnqueuedSequenceNumber + 1);
            _last = end.LastEnqueuedSequenceNumber;
        }
    }

    private void AddUnnumbered(List<(byte[] Bytes, string Reason)> unnumbered, long next)
    {
        for (var index = 0; index < unnumbered.Count; index++)
        {
            var (bytes, reason) = unnumbered[index];
            _found.Enqueue(Undecodable(bytes, UndecodableMessage.SystemPropertiesOf(bytes), next - unnumbered.Count + index, reason));
        }
    }

    private (RawEvent? Decoded, string? Reason) Decode(byte[] bytes, SystemProperties system)
    {
        if (EncodedValues.IsDeeperThan(DeepestNesting, bytes))
        {
            return (null, $"It is nested more than {DeepestNesting} levels deep.");
        }

        try
        {
            var decoded = _mapping.ToEvent(new EventData(AmqpAnnotatedMessage.FromBytes(BinaryData.FromBytes(bytes))));

            // The hub's annotations come first. What a sender has put behind them must not pass for them.
            return decoded.Offset is not null
                && decoded.Offset == system.Offset
                && decoded.SequenceNumber is not null
                && decoded.SequenceNumber == system.SequenceNumber
                ? (decoded, null)
                : (null, "Its annotations do not say where it stands in the partition, or say it twice.");
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            return (null, exception.Message);
        }
    }

    private RawEvent Undecodable(byte[] bytes, SystemProperties system, long number, string reason)
    {
        system.Set("x-opt-sequence-number", number);
        _client.Undecodable.Tell(_partition, number, system.DeviceId, reason);
        return system.ToEvent(_client.Hub, _partition, _fields.TimeSource, bytes, properties: null, undecodable: reason);
    }
}
