using Amqp.Framing;

namespace Ingest.LocalHub.Protocol;

/// <summary>One end of a link. Everything in it happens under its connection's lock, except asking for a detach.</summary>
/// <param name="session">The session it lives in.</param>
/// <param name="attach">The peer's attach. The hub uses the peer's handle as its own.</param>
internal abstract class HubLink(HubSession session, Attach attach)
{
    private Error? _detachError;

    public HubSession Session => session;

    public string Name { get; } = attach.LinkName;

    public uint Handle { get; } = attach.Handle;

    /// <summary>The entity that a token must be good for as long as the link lives; null for the nodes that anybody may use.</summary>
    public string? Entity { get; init; }

    /// <summary>The error it is to be detached with, or null. From then on nothing more is delivered.</summary>
    public Error? DetachError => Volatile.Read(ref _detachError);

    /// <summary>Asks for a detach from any thread; the connection carries it out.</summary>
    public void RequestDetach(Error error)
    {
        Interlocked.CompareExchange(ref _detachError, error, null);
        session.Connection.Wake();
    }

    public abstract void OnFlow(Flow flow);

    /// <summary>The link has ended, in whatever way. Called once.</summary>
    public virtual void OnEnded()
    {
    }
}
