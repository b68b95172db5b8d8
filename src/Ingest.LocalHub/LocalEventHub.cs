using System.Collections.Concurrent;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Ingest.LocalHub.Diagnostics;
using Ingest.LocalHub.Nodes;
using Ingest.LocalHub.Protocol;
using Ingest.LocalHub.Storage;
using Microsoft.Extensions.Logging;

namespace Ingest.LocalHub;

/// <summary>
/// An event hub in this process, for development and tests: an AMQP 1.0 endpoint on 127.0.0.1 that clients of Azure Event Hubs and of
/// IoT Hub's built-in endpoint can use unchanged. Its events live in memory and end with it.
/// </summary>
public sealed class LocalEventHub : IAsyncDisposable
{
    private readonly LocalHubOptions _options;
    private readonly HubPartitions _partitions;
    private readonly HubNodes _nodes;
    private readonly ILogger _logger;
    private readonly Socket _listener;
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentDictionary<HubConnection, Task> _connections = new();
    private readonly Task _accepting;

    private LocalEventHub(LocalHubOptions options, Socket listener)
    {
        _options = options;
        _listener = listener;
        _logger = options.LoggerFactory.CreateLogger<LocalEventHub>();
        _partitions = new HubPartitions([.. Enumerable.Range(0, options.Partitions).Select(i => new PartitionLog(
            i.ToString(CultureInfo.InvariantCulture),
            i < options.FirstSequenceNumbers.Count ? options.FirstSequenceNumbers[i] : 0,
            options.MaxBytesPerPartition,
            options.Clock))]);
        _nodes = new HubNodes(options, _partitions);
        Port = ((IPEndPoint)listener.LocalEndPoint!).Port;
        HubLog.Started(_logger, options.Name, Port, options.Partitions);
        _accepting = AcceptAsync();
    }

    /// <summary>The port it listens on.</summary>
    public int Port { get; }

    /// <summary>How a client of Event Hubs finds it: a connection string in the form for development, with <c>EntityPath</c>.</summary>
    public string ConnectionString => string.Create(
        CultureInfo.InvariantCulture,
        $"Endpoint=sb://127.0.0.1:{Port};SharedAccessKeyName={_options.SharedAccessKeyName};SharedAccessKey={_options.SharedAccessKey ?? "none"};UseDevelopmentEmulator=true;EntityPath={_options.Name}");

    /// <summary>Starts a hub.</summary>
    /// <exception cref="ValidationException">An option is out of its range.</exception>
    /// <exception cref="SocketException">The port is taken.</exception>
    public static Task<LocalEventHub> StartAsync(LocalHubOptions options, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Validator.ValidateObject(options, new ValidationContext(options), validateAllProperties: true);
        var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            listener.Bind(new IPEndPoint(IPAddress.Loopback, options.Port));
            listener.Listen();
            return Task.FromResult(new LocalEventHub(options, listener));
        }
        catch
        {
            listener.Dispose();
            throw;
        }
    }

    /// <summary>Appends a message as if a client had sent it, without the detour over the network, and without being held back.</summary>
    /// <param name="partition">The partition's id.</param>
    /// <param name="encodedMessage">A message in AMQP's encoding, as <c>Amqp.Message.Encode</c> makes it; copied.</param>
    /// <returns>Its sequence number.</returns>
    /// <exception cref="ArgumentException">There is no such partition.</exception>
    /// <exception cref="Amqp.AmqpException">The bytes are no AMQP message.</exception>
    public long Append(string partition, ReadOnlySpan<byte> encodedMessage)
    {
        var log = _partitions.Find(partition) ?? throw new ArgumentException($"There is no partition '{partition}'.", nameof(partition));
        return log.Append(EncodedMessage.Parse(encodedMessage), default);
    }

    public async ValueTask DisposeAsync()
    {
        if (_stopping.IsCancellationRequested)
        {
            return;
        }

        await _stopping.CancelAsync().ConfigureAwait(false);
        _listener.Dispose();
        await _accepting.ConfigureAwait(false);
        await Task.WhenAll(_connections.Values).ConfigureAwait(false);
        _stopping.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            Socket socket;
            try
            {
                socket = await _listener.AcceptAsync(_stopping.Token).ConfigureAwait(false);
            }
            catch (Exception exception) when (_stopping.IsCancellationRequested && exception is OperationCanceledException or ObjectDisposedException or SocketException)
            {
                return;
            }

            socket.NoDelay = true;
            var connection = new HubConnection(socket, _nodes, _options.Clock, _logger);
            _connections[connection] = ServeAsync(connection);
        }
    }

    private async Task ServeAsync(HubConnection connection)
    {
        // Off the accepting loop at once, and after the connection is in the table that it leaves at its end.
        await Task.Yield();
        try
        {
            await connection.RunAsync(_stopping.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (!_stopping.IsCancellationRequested)
        {
            HubLog.ConnectionFailed(_logger, exception);
        }
        finally
        {
            await connection.DisposeAsync().ConfigureAwait(false);
            _connections.TryRemove(connection, out _);
        }
    }
}
