using System.Collections.Concurrent;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Amqp.Framing;
using Amqp.Types;
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
    private readonly LocalHubSettings _options;
    private readonly HubPartitions _partitions;
    private readonly HubNodes _nodes;
    private readonly ILogger _logger;
    private readonly Socket _listener;
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentDictionary<HubConnection, Task> _connections = new();
    private readonly Task _accepting;

    private LocalEventHub(LocalHubSettings options, Socket listener)
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

        // The pause waits for the operating system, whatever time the events are stamped with.
        _accepting = new Acceptor(_listener.AcceptAsync, Take, TimeProvider.System, _logger).RunAsync(_stopping.Token);
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
    public static Task<LocalEventHub> StartAsync(LocalHubSettings options, CancellationToken cancellationToken = default)
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
    public long Append(string partition, ReadOnlySpan<byte> encodedMessage) =>
        Find(partition).Append(EncodedMessage.Parse(encodedMessage), default);

    /// <summary>
    /// Appends bytes that need not be a message: the annotations that can be read are taken, and all that follows them as it is. So
    /// readers can be tested with what no client should send.
    /// </summary>
    /// <returns>Its sequence number.</returns>
    internal long AppendUnchecked(string partition, ReadOnlySpan<byte> bytes) =>
        Find(partition).Append(EncodedMessage.ParseReadablePart(bytes), default);

    /// <summary>Appends bytes as they are, without the hub's annotations: what no hub does.</summary>
    internal void AppendVerbatim(string partition, ReadOnlySpan<byte> bytes) => Find(partition).AppendVerbatim(bytes);

    /// <summary>An event's bytes, as its readers get them.</summary>
    internal byte[] Read(string partition, long sequenceNumber) =>
        Find(partition).TryRead(ref sequenceNumber, out var message) ? [.. message] : throw new ArgumentException($"There is no event {sequenceNumber} yet.", nameof(sequenceNumber));

    /// <summary>The partitions as they are now.</summary>
    public IReadOnlyList<LocalHubPartition> Partitions => [.. _partitions.Logs.Select(LocalHubPartition.Of)];

    /// <summary>Cuts every connection as a failing network does: without a word. New ones are taken.</summary>
    public void CutConnections()
    {
        foreach (var connection in _connections.Keys)
        {
            connection.Cut();
        }
    }

    /// <summary>Detaches every reader and sender with an error, as the cloud does when it moves a partition.</summary>
    /// <param name="condition">An AMQP error condition, such as <c>amqp:link:detach-forced</c>.</param>
    /// <param name="description">What the client is told.</param>
    public void DetachLinks(string condition, string description)
    {
        foreach (var connection in _connections.Keys)
        {
            connection.DetachLinks(ErrorOf(condition, description));
        }
    }

    /// <summary>Refuses every new reader and sender with an error, until <see cref="AcceptLinks"/>.</summary>
    /// <param name="condition">An AMQP error condition, such as <c>com.microsoft:server-busy</c>.</param>
    /// <param name="description">What the client is told.</param>
    public void RefuseLinks(string condition, string description) => _nodes.Refusal = ErrorOf(condition, description);

    /// <summary>Ends what <see cref="RefuseLinks"/> began.</summary>
    public void AcceptLinks() => _nodes.Refusal = null;

    /// <summary>Drops the events before a sequence number, read or not, as retention by time does in the cloud.</summary>
    /// <exception cref="ArgumentException">There is no such partition.</exception>
    public void DropBefore(string partition, long sequenceNumber) => Find(partition).DropBefore(sequenceNumber);

    /// <summary>
    /// Begins anew: empty partitions, sequence numbers from 0, all connections cut. To a client that is what a failover of IoT Hub looks
    /// like: the positions it knows are none here.
    /// </summary>
    public void Restart()
    {
        foreach (var log in _partitions.Logs)
        {
            log.Restart();
        }

        CutConnections();
    }

    public async ValueTask DisposeAsync()
    {
        if (_stopping.IsCancellationRequested)
        {
            return;
        }

        await _stopping.CancelAsync();
        _listener.Dispose();
        await _accepting;
        await Task.WhenAll(_connections.Values);
        _stopping.Dispose();
    }

    private static Error ErrorOf(string condition, string description) => new(new Symbol(condition)) { Description = description };

    private PartitionLog Find(string partition) =>
        _partitions.Find(partition) ?? throw new ArgumentException($"There is no partition '{partition}'.", nameof(partition));

    private void Take(Socket socket)
    {
        try
        {
            socket.NoDelay = true;
        }
        catch (SocketException)
        {
            // Some systems fail here where the peer has gone already.
            socket.Dispose();
            return;
        }

        var connection = new HubConnection(socket, _nodes, _options.Clock, _logger);
        var registered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _connections[connection] = ServeAsync(connection, registered.Task);
        registered.SetResult();
    }

    private async Task ServeAsync(HubConnection connection, Task registered)
    {
        // It leaves the table of connections at its end, so it must be in it before.
        await registered;
        try
        {
            await connection.RunAsync(_stopping.Token);
        }
        catch (Exception exception) when (!_stopping.IsCancellationRequested)
        {
            HubLog.ConnectionFailed(_logger, exception);
        }
        finally
        {
            await connection.DisposeAsync();
            _connections.TryRemove(connection, out _);
        }
    }
}
