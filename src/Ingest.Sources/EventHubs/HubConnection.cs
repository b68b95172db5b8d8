using System.Security.Cryptography.X509Certificates;
using Amqp;
using Amqp.Framing;
using Ingest.Sources.Amqp;
using Ingest.Sources.Diagnostics;
using Microsoft.Extensions.Logging;

namespace Ingest.Sources.EventHubs;

/// <summary>
/// One authorised connection. It renews its own token; when that fails, or the hub falls silent, it ends, and with it every link on it.
/// A new one is made then: nothing is mended in place.
/// </summary>
internal sealed class HubConnection : IAsyncDisposable
{
    // A timer takes less than 50 days, and a given signature may be good for years.
    private static readonly TimeSpan LongestDelay = TimeSpan.FromDays(1);

    private readonly HubEndpoint _endpoint;
    private readonly HubSettings _settings;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _closing = new();
    private readonly SemaphoreSlim _managementGate = new(1, 1);
    private SasToken _token = null!;
    private RequestLink _cbs = null!;
    private RequestLink? _management;
    private Task _renewal = Task.CompletedTask;

    private HubConnection(Connection amqp, HubEndpoint endpoint, HubSettings settings, TimeProvider time, ILogger logger)
    {
        Amqp = amqp;
        _endpoint = endpoint;
        _settings = settings;
        _time = time;
        _logger = logger;
    }

    public Connection Amqp { get; }

    public bool IsClosed => Amqp.IsClosed;

    /// <summary>Connects and authorises.</summary>
    /// <exception cref="HubException">It failed.</exception>
    public static async Task<HubConnection> OpenAsync(
        HubEndpoint endpoint,
        HubSettings settings,
        X509Certificate2Collection? trustedRoots,
        TimeProvider time,
        ILogger logger,
        CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(settings.OperationTimeoutSeconds), time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        HubConnection? connection = null;
        try
        {
            var amqp = await ConnectAsync(endpoint, settings, trustedRoots, either.Token);
            connection = new HubConnection(amqp, endpoint, settings, time, logger);
            connection._cbs = await RequestLink.OpenAsync(amqp, "$cbs", endpoint, either.Token);
            await connection.AuthoriseAsync(either.Token);
            connection._renewal = connection.RenewAsync();
            SourcesLog.Connected(logger, endpoint.Address, endpoint.Connection.UseTls);
            return connection;
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            await DisposeAsync(connection);
            throw HubException.From(exception, endpoint);
        }
        catch
        {
            await DisposeAsync(connection);
            throw;
        }
    }

    /// <summary>Asks the hub about itself.</summary>
    /// <exception cref="HubException">It refused, or the connection broke.</exception>
    public async Task<Message> ReadManagementAsync(Action<ApplicationProperties> describe, CancellationToken cancellationToken)
    {
        var management = await ManagementAsync(cancellationToken);
        var request = new Message(string.Empty)
        {
            ApplicationProperties = new ApplicationProperties
            {
                ["operation"] = "READ",
                ["name"] = _endpoint.Name,
                ["security_token"] = _token.Text,
            },
        };
        describe(request.ApplicationProperties);
        return await management.SendAsync(request, cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync();
        Close(null);
        await _renewal;
        _managementGate.Dispose();
        _closing.Dispose();
    }

    private static ValueTask DisposeAsync(HubConnection? connection) => connection?.DisposeAsync() ?? ValueTask.CompletedTask;

    private static async Task<Connection> ConnectAsync(
        HubEndpoint endpoint, HubSettings settings, X509Certificate2Collection? trustedRoots, CancellationToken cancellationToken)
    {
        var transport = await StreamTransport.ConnectAsync(endpoint.Connection, trustedRoots, cancellationToken);
        // The library's own waits cannot be cancelled; closing what they wait on can.
        using var cancelled = cancellationToken.UnsafeRegister(static state => ((StreamTransport)state!).Close(), transport);
        try
        {
            var factory = new ConnectionFactory([new ReadyTransport(transport)]);
            factory.SASL.Profile = new AnonymousBufferedSasl();
            factory.AMQP.HostName = endpoint.Connection.Host;
            factory.AMQP.ContainerId = $"ingest-{Guid.NewGuid():N}";
            factory.AMQP.IdleTimeout = settings.IdleTimeoutSeconds * 1000;
            factory.AMQP.MaxFrameSize = 64 * 1024;
            return await factory.CreateAsync(
                new Address(endpoint.Connection.Host, endpoint.Connection.Port, null, null, "/", ReadyTransport.Scheme), cancellationToken);
        }
        catch
        {
            transport.Close();
            throw;
        }
    }

    private async Task<RequestLink> ManagementAsync(CancellationToken cancellationToken)
    {
        await _managementGate.WaitAsync(cancellationToken);
        try
        {
            if (_management is null || _management.IsClosed)
            {
                _management = await RequestLink.OpenAsync(Amqp, "$management", _endpoint, cancellationToken);
            }

            return _management;
        }
        finally
        {
            _managementGate.Release();
        }
    }

    private async Task AuthoriseAsync(CancellationToken cancellationToken)
    {
        _token = NextToken();
        await _cbs.SendAsync(
            new Message(_token.Text)
            {
                ApplicationProperties = new ApplicationProperties
                {
                    ["operation"] = "put-token",
                    ["type"] = "servicebus.windows.net:sastoken",
                    ["name"] = _endpoint.Audience,
                    ["expiration"] = _token.ExpiresAt.UtcDateTime,
                },
            },
            cancellationToken);
    }

    private SasToken NextToken()
    {
        var connection = _endpoint.Connection;
        if (connection.Signature is { } signature)
        {
            var given = SasToken.Read(signature);
            return given.ExpiresAt > _time.GetUtcNow()
                ? given
                : throw new HubException(
                    HubFailure.Unauthorized,
                    $"The SharedAccessSignature in the hub's connection string expired at {given.ExpiresAt:u}. Give a new one, or SharedAccessKeyName and SharedAccessKey, which do not expire.");
        }

        return SasToken.Sign(_endpoint.Audience, connection.KeyName!, connection.Key!, _time.GetUtcNow().AddMinutes(_settings.TokenLifetimeMinutes));
    }

    private async Task RenewAsync()
    {
        try
        {
            while (true)
            {
                // A given signature cannot be signed anew: the connection ends with it.
                var left = _token.ExpiresAt - _time.GetUtcNow();
                await DelayAsync(_endpoint.Connection.Signature is null ? left * 0.8 : left);
                using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(_settings.OperationTimeoutSeconds), _time);
                using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, _closing.Token);
                await AuthoriseAsync(either.Token);
                SourcesLog.TokenRenewed(_logger, _endpoint.Address, _token.ExpiresAt);
            }
        }
        catch (OperationCanceledException) when (_closing.IsCancellationRequested)
        {
        }
        catch (Exception exception)
        {
            if (!IsClosed)
            {
                var failure = HubException.From(exception, _endpoint);
                SourcesLog.TokenNotRenewed(_logger, _endpoint.Address, failure.Message);
                Close(new Error(ErrorCode.UnauthorizedAccess) { Description = failure.Message });
            }
        }
    }

    private async Task DelayAsync(TimeSpan delay)
    {
        var due = _time.GetUtcNow() + delay;
        while (due - _time.GetUtcNow() is { Ticks: > 0 } left)
        {
            await Task.Delay(left < LongestDelay ? left : LongestDelay, _time, _closing.Token);
        }
    }

    private void Close(Error? error)
    {
        try
        {
            Amqp.Close(TimeSpan.Zero, error);
        }
        catch (Exception exception) when (exception is AmqpException or ObjectDisposedException)
        {
            // It was ending already, in a state the library does not close from.
        }
    }

    /// <summary>Hands the library a transport that is connected already.</summary>
    private sealed class ReadyTransport : TransportProvider
    {
        public const string Scheme = "ready";

        private readonly StreamTransport _transport;

        public ReadyTransport(StreamTransport transport)
        {
            _transport = transport;
            AddressSchemes = [Scheme];
        }

        public override Task<IAsyncTransport> CreateAsync(Address address) => Task.FromResult<IAsyncTransport>(_transport);
    }
}
