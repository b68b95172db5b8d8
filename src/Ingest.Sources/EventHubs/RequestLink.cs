using System.Collections.Concurrent;
using System.Globalization;
using Amqp;
using Amqp.Framing;
using Amqp.Types;

namespace Ingest.Sources.EventHubs;

/// <summary>Requests to a node of the hub that answers (<c>$cbs</c>, <c>$management</c>), over a pair of links of their own.</summary>
internal sealed class RequestLink
{
    private readonly ConcurrentDictionary<string, TaskCompletionSource<Message>> _waiting = new(StringComparer.Ordinal);
    private readonly HubEndpoint _endpoint;
    private readonly string _replyTo;
    private SenderLink _requests = null!;
    private long _lastId;

    private RequestLink(HubEndpoint endpoint, string replyTo)
    {
        _endpoint = endpoint;
        _replyTo = replyTo;
    }

    public bool IsClosed => _requests.IsClosed;

    public static async Task<RequestLink> OpenAsync(Connection connection, string node, HubEndpoint endpoint, CancellationToken cancellationToken)
    {
        var link = new RequestLink(endpoint, $"{node}-reply-{Guid.NewGuid():N}");
        var session = new Session(connection);
        try
        {
            await link.AttachAsync(session, node, cancellationToken);
            return link;
        }
        catch
        {
            AmqpLinks.Close(session);
            throw;
        }
    }

    /// <summary>Sends a request and awaits its answer.</summary>
    /// <exception cref="HubException">The node refused, or the link broke.</exception>
    public async Task<Message> SendAsync(Message request, CancellationToken cancellationToken)
    {
        var id = Interlocked.Increment(ref _lastId).ToString(CultureInfo.InvariantCulture);
        request.Properties = new Properties { MessageId = id, ReplyTo = _replyTo };
        var answered = new TaskCompletionSource<Message>(TaskCreationOptions.RunContinuationsAsynchronously);
        _waiting[id] = answered;
        try
        {
            _requests.Send(request, null, null);
            return Checked(await answered.Task.WaitAsync(cancellationToken));
        }
        catch (AmqpException exception)
        {
            throw HubException.From(exception, _endpoint);
        }
        finally
        {
            _waiting.TryRemove(id, out _);
        }
    }

    private async Task AttachAsync(Session session, string node, CancellationToken cancellationToken)
    {
        (_requests, _) = await AmqpLinks.OpenSenderAsync(
            session,
            $"{node}-request-{Guid.NewGuid():N}",
            new Attach { Source = new Source(), Target = new Target { Address = node } },
            _endpoint,
            cancellationToken);
        var (replies, _) = await AmqpLinks.OpenReceiverAsync(
            session,
            _replyTo,
            new Attach { Source = new Source { Address = node }, Target = new Target { Address = _replyTo } },
            _endpoint,
            cancellationToken);
        _requests.AddClosedCallback((_, error) =>
        {
            Fail(error);
            AmqpLinks.Close(session);
        });
        replies.AddClosedCallback((_, error) =>
        {
            Fail(error);
            // A pair with one end is of no use: the next request opens another.
            _requests.Close(TimeSpan.Zero);
        });
        replies.Start(50, OnReply);
    }

    private void OnReply(IReceiverLink link, Message reply)
    {
        link.Accept(reply);
        if (reply.Properties?.GetCorrelationId()?.ToString() is { } id && _waiting.TryGetValue(id, out var answered))
        {
            answered.TrySetResult(reply);
        }
    }

    private void Fail(Error? error)
    {
        foreach (var waiting in _waiting.Values)
        {
            waiting.TrySetException(HubException.From(error, _endpoint));
        }
    }

    private Message Checked(Message reply)
    {
        var properties = reply.ApplicationProperties?.Map;
        var status = properties is null ? 0 : Convert.ToInt32(properties["status-code"] ?? properties["statusCode"] ?? 0, CultureInfo.InvariantCulture);
        if (status is >= 200 and < 300)
        {
            return reply;
        }

        var condition = properties?["error-condition"] ?? properties?["errorCondition"];
        var description = (properties?["status-description"] ?? properties?["statusDescription"])?.ToString();
        var error = new Error(new Symbol(condition?.ToString() ?? status switch
        {
            401 or 403 => "amqp:unauthorized-access",
            404 => "amqp:not-found",
            _ => "amqp:internal-error",
        }))
        {
            Description = string.Create(CultureInfo.InvariantCulture, $"{description} (status {status})"),
        };
        throw HubException.From(error, _endpoint);
    }
}
