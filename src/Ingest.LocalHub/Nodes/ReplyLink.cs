using Amqp;
using Amqp.Framing;
using Ingest.LocalHub.Protocol;

namespace Ingest.LocalHub.Nodes;

/// <summary>Carries the answers of <c>$cbs</c> or <c>$management</c>.</summary>
internal sealed class ReplyLink(HubSession session, Attach attach, string node) : OutgoingLink(session, attach, settled: true)
{
    private readonly Queue<ArraySegment<byte>> _answers = [];
    private readonly string? _target = (attach.Target as Target)?.Address;

    public string Node => node;

    /// <summary>Whether this is the link that a request's reply-to means: by its target, or, as some clients do it, by its name.</summary>
    public bool Answers(string? replyTo) => replyTo is not null && (replyTo == _target || replyTo == Name);

    public void Enqueue(Message answer)
    {
        var encoded = answer.Encode();
        _answers.Enqueue(new ArraySegment<byte>(encoded.Buffer, encoded.Offset, encoded.Length));
        Session.Connection.Wake();
    }

    protected override bool TryNext(out ArraySegment<byte> message) => _answers.TryDequeue(out message);
}
