using Amqp;
using Amqp.Framing;

namespace Ingest.Sources.EventHubs;

/// <summary>Attaching links, with an answer that is awaited.</summary>
internal static class AmqpLinks
{
    /// <summary>Attaches a receiver without credit.</summary>
    /// <returns>The link, and what the hub answered to the attach.</returns>
    public static async Task<(ReceiverLink Link, Attach Answer)> OpenReceiverAsync(
        Session session, string name, Attach attach, HubEndpoint endpoint, CancellationToken cancellationToken)
    {
        var answered = new TaskCompletionSource<Attach>(TaskCreationOptions.RunContinuationsAsynchronously);
        var link = new ReceiverLink(session, name, attach, (_, answer) =>
        {
            // A refusal is an attach without a source, and the reason follows in a detach.
            if (answer.Source is not null)
            {
                answered.TrySetResult(answer);
            }
        });
        return (link, await AttachedAsync(link, answered, endpoint, cancellationToken));
    }

    /// <summary>Attaches a sender.</summary>
    /// <returns>The link, and what the hub answered to the attach.</returns>
    public static async Task<(SenderLink Link, Attach Answer)> OpenSenderAsync(
        Session session, string name, Attach attach, HubEndpoint endpoint, CancellationToken cancellationToken)
    {
        var answered = new TaskCompletionSource<Attach>(TaskCreationOptions.RunContinuationsAsynchronously);
        var link = new SenderLink(session, name, attach, (_, answer) =>
        {
            if (answer.Target is not null)
            {
                answered.TrySetResult(answer);
            }
        });
        return (link, await AttachedAsync(link, answered, endpoint, cancellationToken));
    }

    private static async Task<Attach> AttachedAsync(
        Link link, TaskCompletionSource<Attach> answered, HubEndpoint endpoint, CancellationToken cancellationToken)
    {
        link.AddClosedCallback((closed, error) => answered.TrySetException(HubException.From(error ?? closed.Error, endpoint)));
        using var cancelled = cancellationToken.UnsafeRegister(
            static (state, token) => ((TaskCompletionSource<Attach>)state!).TrySetCanceled(token), answered);
        return await answered.Task;
    }
}
