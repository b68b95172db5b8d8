using Amqp;
using Amqp.Sasl;
using Amqp.Types;

namespace Ingest.Sources.Amqp;

/// <summary>SASL ANONYMOUS for a client, whose one purpose is to put a <see cref="BufferedTransport"/> under the connection.</summary>
/// <remarks>Event Hubs authenticates by tokens on <c>$cbs</c>, so the mechanism carries no secret. One instance serves any number of connections.</remarks>
internal sealed class AnonymousBufferedSasl() : SaslProfile(new Symbol("ANONYMOUS"))
{
    protected override ITransport UpgradeTransport(ITransport transport) => new BufferedTransport((IAsyncTransport)transport);

    protected override DescribedList GetStartCommand(string hostname) => new SaslInit { Mechanism = Mechanism, HostName = hostname };

    protected override DescribedList OnCommand(DescribedList command) =>
        throw new AmqpException(ErrorCode.NotAllowed, $"SASL ANONYMOUS has no further step, but the server sent {command.Descriptor.Name}.");
}
