using Amqp;
using Amqp.Framing;
using Ingest.LocalHub.Storage;

namespace Ingest.LocalHub.Nodes;

/// <summary>The readers of one partition in one consumer group, and who of them may stay: the rules of owner levels (epochs).</summary>
internal sealed class ReaderSet(string group)
{
    private const int MaxWithoutEpoch = 5;

    private readonly Lock _lock = new();
    private readonly List<ReaderLink> _readers = [];

    public string Group => ConsumerGroup.IsDefault(group) ? ConsumerGroup.Default : group;

    /// <exception cref="AmqpException">A reader with a higher epoch is there, or too many without one.</exception>
    public void Add(ReaderLink reader)
    {
        lock (_lock)
        {
            _readers.RemoveAll(r => r.DetachError is not null);
            var highest = _readers.Max(r => r.Epoch);
            if (reader.Epoch is { } epoch)
            {
                if (highest > epoch)
                {
                    throw new AmqpException(
                        ErrorCode.Stolen,
                        $"Receiver 'nil' with a higher epoch '{highest}' already exists. Receiver 'nil' with epoch {epoch} cannot be "
                            + "created. Make sure you are creating receiver with increasing epoch value to ensure connectivity, or "
                            + "ensure all old epoch receivers are closed or disconnected.");
                }

                var stolen = new Error(ErrorCode.Stolen)
                {
                    Description =
                        $"New receiver 'nil' with higher epoch of '{epoch}' is created hence current receiver 'nil' with epoch "
                            + $"'{highest ?? 0}' is getting disconnected. If you are recreating the receiver, make sure a higher epoch "
                            + "is used.",
                };
                _readers.ForEach(r => r.RequestDetach(stolen));
                _readers.Clear();
            }
            else if (highest is not null)
            {
                throw new AmqpException(
                    ErrorCode.Stolen,
                    $"At least one receiver for the endpoint is created with epoch of '{highest}', and so non-epoch receiver is not "
                        + "allowed. Either reconnect with a higher epoch, or make sure all epoch receivers are closed or disconnected.");
            }
            else if (_readers.Count == MaxWithoutEpoch)
            {
                throw new AmqpException(
                    ErrorCode.ResourceLimitExceeded,
                    $"Exceeded the maximum number of allowed receivers per partition in a consumer group which is {MaxWithoutEpoch}.");
            }

            _readers.Add(reader);
        }
    }

    public void Remove(ReaderLink reader)
    {
        lock (_lock)
        {
            _readers.Remove(reader);
        }
    }
}
