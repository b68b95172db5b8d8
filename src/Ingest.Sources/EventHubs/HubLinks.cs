using Microsoft.Azure.Amqp;
using Microsoft.Azure.Amqp.Framing;
using Microsoft.Azure.Amqp.Sasl;
using Microsoft.Azure.Amqp.Transport;

namespace Ingest.Sources.EventHubs;

/// <summary>
/// A connection to the hub beside the client library's, authorised for one entity, for links that the library has no way to open.
/// </summary>
internal sealed class HubLinks
{
    private const string Mechanism = "MSSBCBS";
    private const int TlsPort = 5671;
    private const int PlainPort = 5672;

    private static readonly AmqpVersion Version = new(1, 0, 0);

    private readonly HubClient _client;
    private readonly AmqpConnection _connection;
    private readonly AmqpCbsLink _tokens;
    private readonly HubToken _token;
    private DateTimeOffset _renewAt;

    private HubLinks(HubClient client, AmqpConnection connection, Uri entity)
    {
        _client = client;
        _connection = connection;
        _token = client.Endpoint.Token(client.Time);
        _tokens = new AmqpCbsLink(connection);
        Entity = entity;
    }

    /// <summary>What it is authorised for.</summary>
    public Uri Entity { get; }

    /// <param name="client">The hub.</param>
    /// <param name="entity">The path of what is to be opened.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task<HubLinks> ConnectAsync(HubClient client, string entity, CancellationToken cancellationToken)
    {
        var endpoint = client.Endpoint;
        var options = endpoint.Options();
        var amqp = new AmqpSettings();
        var sasl = new SaslTransportProvider();
        sasl.Versions.Add(Version);
        sasl.AddHandler(new SaslAnonymousHandler(Mechanism));
        amqp.TransportProviders.Add(sasl);
        var plain = new AmqpTransportProvider();
        plain.Versions.Add(Version);
        amqp.TransportProviders.Add(plain);

        var transport = await ConnectAsync(
            new AmqpTransportInitiator(amqp, TransportOf(endpoint, options)),
            TimeSpan.FromSeconds(client.Settings.OperationTimeoutSeconds),
            cancellationToken);
        var connection = new AmqpConnection(transport, amqp, new AmqpConnectionSettings
        {
            ContainerId = $"raw-{Guid.NewGuid():N}",
            HostName = endpoint.Host,
            IdleTimeOut = (uint)options.ConnectionIdleTimeout.TotalMilliseconds,
            MaxFrameSize = AmqpConstants.DefaultMaxFrameSize,
        });
        var links = new HubLinks(client, connection, new UriBuilder(endpoint.UseTls ? "amqps" : "amqp", endpoint.Host, -1, entity).Uri);
        try
        {
            await connection.OpenAsync(cancellationToken);
            await links.RenewAsync(cancellationToken);
            return links;
        }
        catch
        {
            links.Abort();
            throw;
        }
    }

    /// <summary>Attaches a link in a session of its own.</summary>
    public async Task AttachAsync(AmqpLink link, CancellationToken cancellationToken)
    {
        var session = _connection.CreateSession(new AmqpSessionSettings { Properties = new Fields() });
        await session.OpenAsync(cancellationToken);
        link.AttachTo(session);
        await link.OpenAsync(cancellationToken);
    }

    /// <summary>Authorises it, where that was never done or is half worn off.</summary>
    public async Task RenewAsync(CancellationToken cancellationToken)
    {
        var now = _client.Time.GetUtcNow();
        if (now < _renewAt)
        {
            return;
        }

        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(_client.Settings.OperationTimeoutSeconds), _client.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        var until = await _tokens.SendTokenAsync(_token, Entity, Entity.AbsoluteUri, Entity.AbsoluteUri, ["Listen"], either.Token);

        // A ready signature cannot be renewed: the hub says so when it ends the link.
        _renewAt = _token.IsFixed ? DateTimeOffset.MaxValue : now + ((new DateTimeOffset(until) - now) / 2);
    }

    /// <summary>Closes it as the protocol asks, or at once where that does not work.</summary>
    public async Task CloseAsync(CancellationToken cancellationToken)
    {
        try
        {
            await _connection.CloseAsync(cancellationToken);
        }
        catch (Exception)
        {
            // Whatever has ended the connection before is said again here, as the exception it was. Nobody waits for more of it.
            Abort();
        }
    }

    /// <summary>Ends it without a word.</summary>
    public void Abort() => _connection.Abort();

    // The library's own way to give up by a token fails over WebSockets.
    private static async Task<TransportBase> ConnectAsync(
        AmqpTransportInitiator initiator, TimeSpan limit, CancellationToken cancellationToken)
    {
        var connecting = initiator.ConnectTaskAsync(limit);
        try
        {
            return await connecting.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException) when (!connecting.IsCompleted)
        {
            // It ends by itself, within its limit. Nobody is there for what comes of it.
            _ = connecting.ContinueWith(
                static late => late.Result.Abort(),
                CancellationToken.None,
                TaskContinuationOptions.OnlyOnRanToCompletion,
                TaskScheduler.Default);
            throw;
        }
    }

    private static TransportSettings TransportOf(HubEndpoint endpoint, Azure.Messaging.EventHubs.EventHubConnectionOptions options)
    {
        if (endpoint.Transport == HubTransport.AmqpWebSockets)
        {
            return new WebSocketTransportSettings
            {
                Uri = new UriBuilder(endpoint.UseTls ? "wss" : "ws", endpoint.Host, endpoint.Port ?? -1, "/$servicebus/websocket/").Uri,
                Proxy = options.Proxy,
            };
        }

        var tcp = new TcpTransportSettings { Host = endpoint.Host, Port = endpoint.Port ?? (endpoint.UseTls ? TlsPort : PlainPort) };
        return endpoint.UseTls
            ? new TlsTransportSettings(tcp)
            {
                TargetHost = endpoint.Host,
                CertificateValidationCallback = options.CertificateValidationCallback,
            }
            : tcp;
    }
}
