using Amqp;
using Amqp.Framing;
using Ingest.LocalHub.Protocol;

namespace Ingest.LocalHub.Nodes;

/// <summary>Takes the requests of <c>$cbs</c> or <c>$management</c> and has the answer sent on the link that its sender reads.</summary>
internal sealed class RequestLink(HubSession session, Attach attach, string node, Func<Message, Message> answer)
    : IncomingLink(session, attach)
{
    protected override void OnMessage(ReadOnlySpan<byte> message, uint format)
    {
        Nesting.Check(message);
        var bytes = message.ToArray();
        var request = Message.Decode(new ByteBuffer(bytes, 0, bytes.Length, bytes.Length));
        var replies = Session.Links.OfType<ReplyLink>().Where(l => l.Node == node).ToList();
        var reply = replies.Find(l => l.Answers(request.Properties?.ReplyTo)) ?? replies.FirstOrDefault()
            ?? throw new AmqpException(ErrorCode.NotFound, $"No link of this session reads the answers of {node}.");
        var response = answer(request);
        response.Properties ??= new Properties();
        if (request.Properties?.GetMessageId() is { } id)
        {
            response.Properties.SetCorrelationId(id);
        }

        reply.Enqueue(response);
    }
}
