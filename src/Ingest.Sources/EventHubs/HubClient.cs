using System.Security.Cryptography.X509Certificates;
using Amqp;
using Amqp.Framing;
using Amqp.Types;
using Ingest.Events;
using Microsoft.Extensions.Logging;

namespace Ingest.Sources.EventHubs;

/// <summary>
/// An event hub, over one connection that all its readers share and that is made anew when it has ended. Safe for many threads.
/// </summary>
public sealed class HubClient : IAsyncDisposable
{
    private readonly X509Certificate2Collection? _trustedRoots;
    private readonly CancellationTokenSource _disposing = new();
    private readonly Lock _lock = new();
    private Task<HubConnection>? _connection;

    /// <exception cref="FormatException">The settings do not name a hub.</exception>
    public HubClient(HubSettings settings, TimeProvider time, ILogger<HubClient> logger)
        : this(settings, time, logger, trustedRoots: null)
    {
    }

    internal HubClient(HubSettings settings, TimeProvider time, ILogger<HubClient> logger, X509Certificate2Collection? trustedRoots)
    {
        Endpoint = HubEndpoint.From(settings);
        Settings = settings;
        Time = time;
        Logger = logger;
        _trustedRoots = trustedRoots;
    }

    /// <summary>The hub's identity: <see cref="HubSettings.Identity"/>, by default <c>host/name</c>.</summary>
    public string Hub => Endpoint.Identity;

    internal HubEndpoint Endpoint { get; }

    internal HubSettings Settings { get; }

    internal TimeProvider Time { get; }

    internal ILogger Logger { get; }

    /// <summary>Asks the hub for its partitions. One attempt.</summary>
    /// <exception cref="HubException">The hub cannot be reached or refuses; the message says what to do.</exception>
    public async Task<HubProperties> GetHubAsync(CancellationToken cancellationToken)
    {
        var reply = await ReadAsync(static request => request["type"] = "com.microsoft:eventhub", cancellationToken);
        var partitions = reply["partition_ids"] switch
        {
            string[] ids => ids,
            System.Collections.IEnumerable ids => [.. ids.Cast<object>().Select(id => id.ToString()!)],
            _ => [],
        };
        return new HubProperties(
            SystemProperties.ToText(reply["name"]) ?? Endpoint.Name,
            SystemProperties.ToTime(reply["created_at"]) ?? DateTime.UnixEpoch,
            partitions);
    }

    /// <summary>Asks the hub where a partition begins and ends. One attempt.</summary>
    /// <exception cref="HubException">The hub cannot be reached or refuses; the message says what to do.</exception>
    public async Task<PartitionProperties> GetPartitionAsync(string partition, CancellationToken cancellationToken)
    {
        var reply = await ReadAsync(
            request =>
            {
                request["type"] = "com.microsoft:partition";
                request["partition"] = partition;
            },
            cancellationToken);
        return new PartitionProperties(
            partition,
            SystemProperties.ToWholeNumber(reply["begin_sequence_number"]) ?? 0,
            SystemProperties.ToWholeNumber(reply["last_enqueued_sequence_number"]) ?? -1,
            SystemProperties.ToText(reply["last_enqueued_offset"]),
            SystemProperties.ToTime(reply["last_enqueued_time_utc"]) ?? DateTime.UnixEpoch,
            reply["is_partition_empty"] is true);
    }

    /// <summary>
    /// Checks that a consumer group is there and that the key may listen to it, without receiving anything or disturbing who reads in it. One
    /// attempt.
    /// </summary>
    /// <exception cref="HubException">The hub cannot be reached or refuses; the message says what to do.</exception>
    public async Task CheckConsumerGroupAsync(string consumerGroup, string partition, CancellationToken cancellationToken)
    {
        var connection = await ConnectAsync(cancellationToken);
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(Settings.OperationTimeoutSeconds), Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            var link = await PartitionLink.AttachAsync(
                connection, Endpoint, consumerGroup, partition, StartPosition.Earliest.Filter, epoch: null, either.Token);
            link.Close();
        }
        catch (OwnershipLostException)
        {
            // A worker owns the partition, so that nobody may read beside it: the group is there, and the key was good enough to be told so.
        }
        catch (HubException exception) when (exception.Failure == HubFailure.NotFound)
        {
            throw new HubException(
                HubFailure.NotFound,
                $"{Endpoint.Address} has no consumer group '{consumerGroup}'. Add it to the hub's built-in endpoint, or name one that is there.",
                exception);
        }
        catch (Exception exception) when (exception is not HubException && !cancellationToken.IsCancellationRequested)
        {
            throw HubException.From(exception, Endpoint);
        }
    }

    /// <summary>Closes the connection, and with it every link on it.</summary>
    public async ValueTask DisposeAsync()
    {
        await _disposing.CancelAsync();
        Task<HubConnection>? last;
        lock (_lock)
        {
            last = _connection;
            _connection = null;
        }

        if (last is not null)
        {
            await CloseAsync(last);
        }

        _disposing.Dispose();
    }

    /// <summary>The connection as it is, or a new one. All who wait for one share the attempt.</summary>
    internal Task<HubConnection> ConnectAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposing.IsCancellationRequested, this);
            if (_connection is null || _connection.IsFaulted || _connection.IsCanceled || (_connection.IsCompletedSuccessfully && _connection.Result.IsClosed))
            {
                _connection = ReconnectAsync(_connection);
            }

            return _connection.WaitAsync(cancellationToken);
        }
    }

    private static async Task CloseAsync(Task<HubConnection> attempt)
    {
        HubConnection connection;
        try
        {
            connection = await attempt;
        }
        catch (Exception exception) when (exception is HubException or OperationCanceledException)
        {
            // Nothing was opened; whoever asked for it has been told.
            return;
        }

        await connection.DisposeAsync();
    }

    private async Task<HubConnection> ReconnectAsync(Task<HubConnection>? ended)
    {
        await Task.Yield();
        if (ended is not null)
        {
            await CloseAsync(ended);
        }

        return await HubConnection.OpenAsync(Endpoint, Settings, _trustedRoots, Time, Logger, _disposing.Token);
    }

    private async Task<Map> ReadAsync(Action<ApplicationProperties> describe, CancellationToken cancellationToken)
    {
        var connection = await ConnectAsync(cancellationToken);
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(Settings.OperationTimeoutSeconds), Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        Message reply;
        try
        {
            reply = await connection.ReadManagementAsync(describe, either.Token);
        }
        catch (Exception exception) when (exception is not HubException && !cancellationToken.IsCancellationRequested)
        {
            throw HubException.From(exception, Endpoint);
        }

        return reply.Body as Map
            ?? throw new HubException(HubFailure.Misconfigured, $"{Endpoint.Address} answered without properties: it is no Event Hubs-compatible endpoint. Copy that of the IoT hub's page 'Built-in endpoints'.");
    }
}
