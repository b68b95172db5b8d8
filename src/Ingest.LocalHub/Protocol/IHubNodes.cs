using Amqp;
using Amqp.Framing;

namespace Ingest.LocalHub.Protocol;

/// <summary>What a connection's peer can attach to.</summary>
internal interface IHubNodes
{
    string ContainerId { get; }

    /// <summary>Makes the hub's end of a link and answers the attach.</summary>
    /// <exception cref="AmqpException">The link is refused, with its error.</exception>
    HubLink Attach(HubSession session, Attach attach);
}
