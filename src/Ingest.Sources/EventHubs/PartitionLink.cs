using Amqp;
using Amqp.Framing;
using Amqp.Types;

namespace Ingest.Sources.EventHubs;

/// <summary>One attachment to a partition, in a session of its own: a session's window is fixed, and partitions must not wait for each other.</summary>
internal sealed class PartitionLink
{
    private static readonly Symbol EpochProperty = "com.microsoft:epoch";
    private static readonly Symbol NameProperty = "com.microsoft:receiver-name";
    private static readonly Symbol SelectorFilter = "apache.org:selector-filter:string";

    private readonly Session _session;
    private readonly ReceiverLink _link;
    private readonly bool _settles;
    private readonly TaskCompletionSource<HubException> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private PartitionLink(Session session, ReceiverLink link, bool settles, HubEndpoint endpoint)
    {
        _session = session;
        _link = link;
        _settles = settles;
        link.AddClosedCallback((closed, error) => _ended.TrySetResult(HubException.From(error ?? closed.Error, endpoint)));
    }

    /// <summary>Why it ended, once it has.</summary>
    public Task<HubException> Ended => _ended.Task;

    /// <exception cref="HubException">The hub refused.</exception>
    public static async Task<PartitionLink> AttachAsync(
        HubConnection connection, HubEndpoint endpoint, string consumerGroup, string partition, string filter, long? epoch, CancellationToken cancellationToken)
    {
        var name = $"ingest-{partition}-{Guid.NewGuid():N}";
        var properties = new Fields { [NameProperty] = name };
        if (epoch is { } mine)
        {
            properties[EpochProperty] = mine;
        }

        var attach = new Attach
        {
            Source = new Source
            {
                Address = $"{endpoint.Name}/ConsumerGroups/{consumerGroup}/Partitions/{partition}",
                FilterSet = new Map { [SelectorFilter] = new DescribedValue(SelectorFilter, filter) },
            },
            Target = new Target { Address = name },
            // An event hub keeps its events whatever a reader answers: an answer each would only be traffic.
            SndSettleMode = SenderSettleMode.Settled,
            Properties = properties,
        };
        var session = new Session(connection.Amqp);
        try
        {
            var (link, answer) = await AmqpLinks.OpenReceiverAsync(session, name, attach, endpoint, cancellationToken);
            return new PartitionLink(session, link, answer.SndSettleMode != SenderSettleMode.Settled, endpoint);
        }
        catch
        {
            AmqpLinks.Close(session);
            throw;
        }
    }

    /// <summary>Begins to receive.</summary>
    /// <param name="credit">The first credit.</param>
    /// <param name="onMessage">Called on the connection's one receiving thread: must neither wait nor throw.</param>
    public void Start(int credit, Action<PartitionLink, Message> onMessage)
    {
        // No credit with the callback: it is given by hand, as what restores it is the pipeline and not the receipt.
        _link.Start(0, (link, message) =>
        {
            if (_settles)
            {
                link.Accept(message);
            }

            onMessage(this, message);
        });
        AddCredit(credit);
    }

    public void AddCredit(int events)
    {
        try
        {
            _link.SetCredit(events, CreditMode.Manual);
        }
        catch (Exception exception) when (exception is AmqpException or ObjectDisposedException)
        {
            // The connection broke this moment: Ended tells why, and the next link gives its own credit.
        }
    }

    public void Close() => AmqpLinks.Close(_session);

    /// <summary>Ends the link for a reason of our own.</summary>
    public void Abandon(HubException reason)
    {
        _ended.TrySetResult(reason);
        Close();
    }
}
