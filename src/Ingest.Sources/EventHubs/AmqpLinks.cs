using Amqp;
using Amqp.Framing;

namespace Ingest.Sources.EventHubs;

/// <summary>Attaching links, with an answer that is awaited, and ending the sessions they are in.</summary>
internal static class AmqpLinks
{
    /// <summary>Attaches a receiver without credit.</summary>
    /// <returns>The link, and what the hub answered to the attach.</returns>
    public static Task<(ReceiverLink Link, Attach Answer)> OpenReceiverAsync(
        Session session, string name, Attach attach, HubEndpoint endpoint, CancellationToken cancellationToken) =>
        OpenAsync(answered => new ReceiverLink(session, name, attach, answered), static answer => answer.Source, endpoint, cancellationToken);

    /// <summary>Attaches a sender.</summary>
    /// <returns>The link, and what the hub answered to the attach.</returns>
    public static Task<(SenderLink Link, Attach Answer)> OpenSenderAsync(
        Session session, string name, Attach attach, HubEndpoint endpoint, CancellationToken cancellationToken) =>
        OpenAsync(answered => new SenderLink(session, name, attach, answered), static answer => answer.Target, endpoint, cancellationToken);

    /// <summary>Ends a session and its links without waiting for the hub's answer.</summary>
    public static void Close(Session session)
    {
        try
        {
            session.Close(TimeSpan.Zero);
        }
        catch (Exception exception) when (exception is AmqpException or ObjectDisposedException)
        {
            // It was ending already, in a state the library does not close from.
        }
    }

    private static async Task<(TLink Link, Attach Answer)> OpenAsync<TLink>(
        Func<OnAttached, TLink> open, Func<Attach, object?> hubsEnd, HubEndpoint endpoint, CancellationToken cancellationToken)
        where TLink : Link
    {
        var answered = new TaskCompletionSource<Attach>(TaskCreationOptions.RunContinuationsAsynchronously);
        var link = open((_, answer) =>
        {
            // A refusal is an attach without the hub's end, and the reason follows in a detach.
            if (hubsEnd(answer) is not null)
            {
                answered.TrySetResult(answer);
            }
        });
        link.AddClosedCallback((closed, error) => answered.TrySetException(HubException.From(error ?? closed.Error, endpoint)));
        using var cancelled = cancellationToken.UnsafeRegister(
            static (state, token) => ((TaskCompletionSource<Attach>)state!).TrySetCanceled(token), answered);
        return (link, await answered.Task);
    }
}
