using System.Collections.Concurrent;
using System.Globalization;
using Amqp;
using Amqp.Framing;
using Amqp.Types;
using Ingest.LocalHub.Nodes;
using Ingest.LocalHub.Protocol;
using Ingest.LocalHub.Storage;

namespace Ingest.LocalHub;

/// <summary>The hub's entities by their addresses: what a link is for, and who is refused.</summary>
internal sealed class HubNodes(LocalHubSettings options, HubPartitions partitions) : IHubNodes
{
    private static readonly Symbol SelectorFilter = new("apache.org:selector-filter:string");
    private static readonly Symbol EpochProperty = new("com.microsoft:epoch");

    private readonly ConcurrentDictionary<(string Group, string Partition), ReaderSet> _readers = new();
    private readonly SharedAccessPolicy? _policy = options.SharedAccessKey is { } key ? new SharedAccessPolicy(options.SharedAccessKeyName, key) : null;
    private readonly ManagementNode _management = new(
        options.Name,
        partitions,
        options.SharedAccessKey is { } managementKey ? new SharedAccessPolicy(options.SharedAccessKeyName, managementKey) : null,
        options.Clock);

    public string ContainerId { get; } = "local-hub-" + options.Name;

    /// <summary>While set, every link to an entity is refused with it.</summary>
    public Error? Refusal { get; set; }

    public HubLink Attach(HubSession session, Attach attach) =>
        attach.Role ? AttachReader(session, attach) : AttachSender(session, attach);

    private HubLink AttachReader(HubSession session, Attach attach)
    {
        var source = attach.Source as Source;
        var address = EntityPath.Of(source?.Address);
        if (NodeOf(address) is { } node)
        {
            var replies = new ReplyLink(session, attach, node);
            Answer(session, attach, settled: true);
            return replies;
        }

        Authorize(session, address);
        var parts = address.Split('/');
        if (parts is not [var hub, var groups, var group, var of, var partition]
            || !Same(groups, "ConsumerGroups") || !Same(of, "Partitions") || !Same(hub, options.Name)
            || !(ConsumerGroup.IsDefault(group) || options.ConsumerGroups.Contains(group, ConsumerGroup.Comparer)))
        {
            throw NotFound(address);
        }

        var log = Partition(partition);
        var start = SelectorOf(source!).Resolve(log);
        var set = _readers.GetOrAdd((group.ToUpperInvariant(), partition), _ => new ReaderSet(group));

        // Settled unless the reader asks otherwise, as in the cloud: acknowledgements are no progress, checkpoints are.
        var settled = !attach.HasField(3) || attach.SndSettleMode != SenderSettleMode.Unsettled;
        var link = new ReaderLink(session, attach, settled, log, set, EpochOf(attach), start) { Entity = address };
        Answer(session, attach, settled);
        return link;
    }

    private HubLink AttachSender(HubSession session, Attach attach)
    {
        var address = EntityPath.Of((attach.Target as Target)?.Address);
        HubLink link;
        switch (NodeOf(address))
        {
            case TokenNode.Address:
                var tokens = new TokenNode(_policy, options.Clock);
                link = new RequestLink(session, attach, TokenNode.Address, request => tokens.Answer(request, session.Connection));
                break;
            case ManagementNode.Address:
                link = new RequestLink(session, attach, ManagementNode.Address, request => _management.Answer(request, session.Connection));
                break;
            default:
                Authorize(session, address);
                link = address.Split('/') switch
                {
                    [var hub] when Same(hub, options.Name) => new PublisherLink(session, attach, partitions, null) { Entity = address },
                    [var hub, var of, var partition] when Same(hub, options.Name) && Same(of, "Partitions") => new PublisherLink(session, attach, partitions, Partition(partition)) { Entity = address },
                    _ => throw NotFound(address),
                };
                break;
        }

        Answer(session, attach, settled: false);
        return link;
    }

    private static void Answer(HubSession session, Attach attach, bool settled)
    {
        var answer = new Attach
        {
            LinkName = attach.LinkName,
            Handle = attach.Handle,
            Role = !attach.Role,
            Source = attach.Source,
            Target = attach.Target,
            RcvSettleMode = ReceiverSettleMode.First,
        };
        if (attach.Role)
        {
            answer.SndSettleMode = settled ? SenderSettleMode.Settled : SenderSettleMode.Unsettled;
            answer.InitialDeliveryCount = 0;
        }
        else
        {
            answer.SndSettleMode = attach.SndSettleMode;
            answer.MaxMessageSize = IncomingLink.MaxMessageLength;
        }

        session.Send(answer);
    }

    private static string? NodeOf(string address)
    {
        if (Same(address, TokenNode.Address))
        {
            return TokenNode.Address;
        }

        return Same(address, ManagementNode.Address) || address.EndsWith("/" + ManagementNode.Address, StringComparison.OrdinalIgnoreCase)
            ? ManagementNode.Address
            : null;
    }

    private static StartPosition SelectorOf(Source source)
    {
        if (source.FilterSet is not { } filters || !filters.TryGetValue(SelectorFilter, out var filter))
        {
            return StartPosition.Earliest;
        }

        return (filter as DescribedValue)?.Value is string selector ? StartPosition.Parse(selector) : StartPosition.Parse(filter?.ToString() ?? string.Empty);
    }

    private static long? EpochOf(Attach attach) =>
        attach.Properties is { } properties && properties.TryGetValue(EpochProperty, out var epoch) && epoch is not null
            ? Convert.ToInt64(epoch, CultureInfo.InvariantCulture)
            : null;

    private static bool Same(string left, string right) => left.Equals(right, StringComparison.OrdinalIgnoreCase);

    private static AmqpException NotFound(string address) =>
        new(ErrorCode.NotFound, $"The messaging entity 'sb://localhost/{address}' could not be found.");

    private void Authorize(HubSession session, string address)
    {
        if (Refusal is { } refusal)
        {
            throw new AmqpException(refusal);
        }

        if (_policy is not null && !session.Connection.IsGranted(address))
        {
            throw new AmqpException(ErrorCode.UnauthorizedAccess, $"Unauthorized access. 'Listen' or 'Send' claim(s) are required for 'sb://localhost/{address}'.");
        }
    }

    private PartitionLog Partition(string partition) => partitions.Find(partition)
        ?? throw new AmqpException(
            "com.microsoft:argument-out-of-range",
            $"The specified partition is invalid for an EventHub partition sender or receiver. It should be between 0 and {partitions.Logs.Count - 1}.");
}
