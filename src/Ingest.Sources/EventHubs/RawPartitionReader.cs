using Azure.Messaging.EventHubs;
using Microsoft.Azure.Amqp;
using Microsoft.Azure.Amqp.Encoding;
using Microsoft.Azure.Amqp.Framing;

namespace Ingest.Sources.EventHubs;

/// <summary>
/// Reads a partition's messages as the bytes they are, before anything is decoded, over a connection of its own. For what
/// <see cref="SteppingReader"/> needs it, not for speed.
/// </summary>
/// <remarks>Not thread-safe: one call at a time.</remarks>
internal sealed class RawPartitionReader : IAsyncDisposable
{
    // Messages on their way while one is decoded. Each may be a megabyte.
    private const uint Credit = 32;

    // The largest message of any tier is 20 MB, which comes on dedicated clusters alone; 1 MB elsewhere.
    private const ulong LongestMessage = 24 * 1024 * 1024;

    private const string SelectorFilter = "apache.org:selector-filter:string";
    private const ulong SelectorFilterCode = 83_483_426_826;
    private const int ConsumerGroupEntity = 8;

    private static readonly TimeSpan LongestFarewell = TimeSpan.FromSeconds(5);

    private readonly HubClient _client;
    private readonly HubLinks _links;
    private readonly ReceivingAmqpLink _link;

    private RawPartitionReader(HubClient client, HubLinks links, ReceivingAmqpLink link)
    {
        _client = client;
        _links = links;
        _link = link;
    }

    /// <summary>Opens connection and link. One attempt, at most <see cref="HubSettings.OperationTimeoutSeconds"/> long.</summary>
    /// <exception cref="HubException">The hub cannot be reached or refuses.</exception>
    public static async Task<RawPartitionReader> OpenAsync(
        HubClient client, string consumerGroup, string partition, StartAt start, long? ownerLevel, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(client.Settings.OperationTimeoutSeconds), client.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        HubLinks? links = null;
        try
        {
            var entity = $"{client.Endpoint.Name}/ConsumerGroups/{consumerGroup}/Partitions/{partition}";
            links = await HubLinks.ConnectAsync(client, entity, either.Token);
            var link = new ReceivingAmqpLink(SettingsOf(links.Entity, start, ownerLevel));
            await links.AttachAsync(link, either.Token);
            return new RawPartitionReader(client, links, link);
        }
        catch (Exception exception)
        {
            links?.Abort();
            cancellationToken.ThrowIfCancellationRequested();
            throw HubException.From(exception, client.Endpoint);
        }
    }

    /// <summary>The next message's bytes; null where none came in the time.</summary>
    /// <exception cref="HubException">The hub ended it: this reader is of no more use.</exception>
    public async Task<byte[]?> ReceiveAsync(TimeSpan wait, CancellationToken cancellationToken)
    {
        try
        {
            await _links.RenewAsync(cancellationToken);
            using var message = await _link.ReceiveMessageAsync(wait, cancellationToken);
            if (message is not null)
            {
                var bytes = BytesOf(message);
                _link.DisposeDelivery(message, settled: true, AmqpConstants.AcceptedOutcome);
                return bytes;
            }
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            throw Sorted(_link.TerminalException ?? exception);
        }

        // A link that has just ended says nothing, as one without messages does.
        return _link.State == AmqpObjectState.Opened
            ? null
            : throw Sorted(_link.TerminalException ?? new IOException("it was closed"));
    }

    private HubException Sorted(Exception ended)
    {
        var sorted = HubException.From(ended, _client.Endpoint);
        return sorted.InnerException is EventHubsException { Reason: EventHubsException.FailureReason.MessageSizeExceeded }
            ? new HubException(
                HubFailure.Misconfigured,
                $"{_client.Endpoint.Address} sends a message that is larger than {LongestMessage >> 20} MiB, or has no end: no event "
                    + "hub does. Check that the Endpoint is the hub's.",
                ended)
            : sorted;
    }

    public async ValueTask DisposeAsync()
    {
        using var limit = new CancellationTokenSource(LongestFarewell, _client.Time);
        await _links.CloseAsync(limit.Token);
    }

    private static AmqpLinkSettings SettingsOf(Uri entity, StartAt start, long? ownerLevel)
    {
        var settings = new AmqpLinkSettings
        {
            LinkName = $"raw-{Guid.NewGuid():N}",
            Role = true,
            TotalLinkCredit = Credit,
            AutoSendFlow = true,
            MaxMessageSize = LongestMessage,
            SettleType = SettleMode.SettleOnSend,
            Source = new Source
            {
                Address = entity.AbsolutePath,
                FilterSet =
                    new FilterSet { [SelectorFilter] = new AmqpDescribed(SelectorFilter, SelectorFilterCode) { Value = start.Filter } },
            },
            Target = new Target { Address = Guid.NewGuid().ToString("N") },

            // Else a namespace that is replicated to other regions gives no offsets that lead back to an event.
            DesiredCapabilities = new Multiple<AmqpSymbol>([new AmqpSymbol("com.microsoft:georeplication")]),
        };
        settings.AddProperty("com.microsoft:entity-type", ConsumerGroupEntity);
        if (ownerLevel is { } level)
        {
            settings.AddProperty("com.microsoft:epoch", level);
        }

        return settings;
    }

    private static byte[] BytesOf(AmqpMessage message)
    {
        using var stream = message.ToStream();
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
