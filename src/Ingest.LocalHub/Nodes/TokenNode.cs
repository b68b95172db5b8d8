using Amqp;
using Amqp.Framing;
using Ingest.LocalHub.Protocol;

namespace Ingest.LocalHub.Nodes;

/// <summary><c>$cbs</c>: takes tokens. Any one is good where the hub has no key; else its signature and its expiry are checked.</summary>
internal sealed class TokenNode(SharedAccessPolicy? policy, TimeProvider clock)
{
    public const string Address = "$cbs";

    public Message Answer(Message request, HubConnection connection)
    {
        var properties = request.ApplicationProperties;
        if (properties?["operation"] as string != "put-token")
        {
            return Status(400, "Only the operation put-token is known.");
        }

        if (policy is null)
        {
            return Status(202, "Accepted");
        }

        if (!policy.TryVerify(request.Body as string, clock.GetUtcNow(), out var audience, out var expiry, out var refusal))
        {
            return Status(401, refusal);
        }

        connection.Grant(audience, expiry);
        return Status(202, "Accepted");
    }

    private static Message Status(int code, string description) => new(string.Empty)
    {
        ApplicationProperties = new ApplicationProperties { ["status-code"] = code, ["status-description"] = description },
    };
}
