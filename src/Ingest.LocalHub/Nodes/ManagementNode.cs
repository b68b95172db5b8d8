using Amqp;
using Amqp.Framing;
using Amqp.Types;
using Ingest.LocalHub.Protocol;
using Ingest.LocalHub.Storage;

namespace Ingest.LocalHub.Nodes;

/// <summary><c>$management</c>: what a client may ask about the hub and its partitions.</summary>
/// <remarks>
/// Where the hub has a key, a request carries a token of its own (<c>security_token</c>), as Microsoft's clients send it, or its connection
/// has put one on <c>$cbs</c>.
/// </remarks>
internal sealed class ManagementNode(string hub, HubPartitions partitions, SharedAccessPolicy? policy, TimeProvider clock)
{
    public const string Address = "$management";

    private readonly DateTimeOffset _createdAt = clock.GetUtcNow();

    public Message Answer(Message request, HubConnection connection)
    {
        var properties = request.ApplicationProperties;
        if (properties?["operation"] as string != "READ")
        {
            return Status(400, "Only the operation READ is known.");
        }

        if (Refusal(properties, connection) is { } refusal)
        {
            return Status(401, refusal);
        }

        if (properties["name"] is string name && !name.Equals(hub, StringComparison.OrdinalIgnoreCase))
        {
            return Status(404, $"The messaging entity '{name}' could not be found.");
        }

        switch (properties["type"])
        {
            case "com.microsoft:eventhub":
                return Found(new Map
                {
                    ["name"] = hub,
                    ["type"] = "com.microsoft:eventhub",
                    ["created_at"] = _createdAt.UtcDateTime,
                    ["partition_count"] = partitions.Logs.Count,
                    ["partition_ids"] = partitions.Logs.Select(l => l.Partition).ToArray(),
                });
            case "com.microsoft:partition":
                return properties["partition"] is string partition && partitions.Find(partition) is { } log
                    ? Found(Describe(log))
                    : Status(404, $"The messaging entity '{hub}/Partitions/{properties["partition"]}' could not be found.");
            default:
                return Status(400, "The type is neither com.microsoft:eventhub nor com.microsoft:partition.");
        }
    }

    private string? Refusal(ApplicationProperties properties, HubConnection connection)
    {
        if (policy is null || connection.IsGranted(hub))
        {
            return null;
        }

        return policy.TryVerify(properties["security_token"] as string, clock.GetUtcNow(), out _, out _, out var refusal) ? null : refusal;
    }

    private Map Describe(PartitionLog log)
    {
        var state = log.State;
        return new Map
        {
            ["name"] = hub,
            ["type"] = "com.microsoft:partition",
            ["partition"] = log.Partition,
            ["begin_sequence_number"] = state.First,
            ["last_enqueued_sequence_number"] = state.Last,
            ["last_enqueued_offset"] = HubOffset.Of(state.Last).ToString(System.Globalization.CultureInfo.InvariantCulture),
            ["last_enqueued_time_utc"] = DateTimeOffset.FromUnixTimeMilliseconds(state.LastTime).UtcDateTime,
            ["is_partition_empty"] = state.IsEmpty,
        };
    }

    private static Message Found(Map body)
    {
        var message = Status(200, "OK");
        message.BodySection = new AmqpValue { Value = body };
        return message;
    }

    private static Message Status(int code, string description) => new(string.Empty)
    {
        ApplicationProperties = new ApplicationProperties { ["status-code"] = code, ["status-description"] = description },
    };
}
