using System.ComponentModel.DataAnnotations;

namespace Ingest.Sources.EventHubs;

/// <summary>How the hub is reached.</summary>
public enum HubTransport
{
    /// <summary>AMQP over TLS, port 5671.</summary>
    Amqp,

    /// <summary>AMQP over WebSockets, port 443, for networks where only that is open.</summary>
    AmqpWebSockets,
}

/// <summary>Which event hub is read, and how: section <c>Hub</c>.</summary>
public sealed class HubSettings : IValidatableObject
{
    public const string Section = "Hub";

    /// <summary>
    /// The Event Hubs-compatible connection string: <c>Endpoint=sb://…;SharedAccessKeyName=…;SharedAccessKey=…;EntityPath=…</c>.
    /// </summary>
    public string ConnectionString { get; set; } = "";

    /// <summary>
    /// In place of a connection string: the namespace's host name, such as <c>plant.servicebus.windows.net</c>, read under a Microsoft
    /// Entra identity. Needs <see cref="Name"/>. Not for IoT Hub's built-in endpoint, which knows shared access keys alone.
    /// </summary>
    public string? FullyQualifiedNamespace { get; set; }

    /// <summary>The event hub's name. Default: the connection string's EntityPath.</summary>
    public string? Name { get; set; }

    /// <summary>
    /// What the hub is called in events, checkpoints, dead letters and counts. Default: <c>host/name</c>. A failover changes the
    /// endpoint's host; with the name set here to what it was, the checkpoints are found, and reading goes on by the last event's stamp.
    /// </summary>
    public string? Identity { get; set; }

    /// <summary>The consumer group. Default: <c>$Default</c>.</summary>
    [Required(AllowEmptyStrings = false)]
    public string ConsumerGroup { get; set; } = "$Default";

    /// <summary>The partitions to read. Default: empty, all.</summary>
    public IList<string> Partitions { get; } = [];

    /// <summary>
    /// How the hub is reached. Default: <see cref="HubTransport.Amqp"/>, or what the connection string's TransportType names.
    /// </summary>
    public HubTransport? Transport { get; set; }

    /// <summary>
    /// The address of an HTTP proxy, <c>http://host:port</c>, for <see cref="HubTransport.AmqpWebSockets"/>. Default: the machine's.
    /// </summary>
    public string? Proxy { get; set; }

    /// <summary>
    /// Most events of a partition that the client fetches ahead. Default: 300. More was slower when measured (three times the batch keeps
    /// the link busy; past it the client's own bookkeeping and the garbage collector lose what is won), and each is memory.
    /// </summary>
    [Range(0, 100_000)]
    public int PrefetchEvents { get; set; } = 300;

    /// <summary>
    /// About how many bytes of a partition's events are fetched ahead. Default: 4 MiB: 300 messages of IoT Hub's largest size would be 75
    /// MiB a partition.
    /// </summary>
    [Range(64 * 1024, 1024 * 1024 * 1024)]
    public int PrefetchBytes { get; set; } = 4 * 1024 * 1024;

    /// <summary>
    /// Most events of a partition handed to the pipeline at once. Default: 100. Small batches are the fast ones, as the pipeline merges
    /// what waits into one transaction.
    /// </summary>
    [Range(1, 100_000)]
    public int MaxBatchEvents { get; set; } = 100;

    /// <summary>How long connecting, authorising or one request may take, in seconds. Default: 30.</summary>
    [Range(1, 600)]
    public int OperationTimeoutSeconds { get; set; } = 30;

    /// <summary>Silence after which a connection counts as dead, in seconds; heartbeats keep a quiet one alive. Default: 60.</summary>
    [Range(2, 3_600)]
    public int IdleTimeoutSeconds { get; set; } = 60;

    /// <summary>
    /// Longest pause before the next attempt to reconnect, in seconds; what only an operator can mend is retried at this pace. Default: 30.
    /// </summary>
    [Range(1, 3_600)]
    public int MaxRetryDelaySeconds { get; set; } = 30;

    /// <summary>How often the end of each partition is asked for, to tell the lag, in seconds. Default: 10.</summary>
    [Range(1, 3_600)]
    public int LagIntervalSeconds { get; set; } = 10;

    /// <summary>How often a worker renews its partitions and looks for others to take, in seconds. Default: 3.</summary>
    [Range(1, 300)]
    public int LoadBalancingIntervalSeconds { get; set; } = 3;

    /// <summary>
    /// After how long without renewal a worker's partitions are free for others, in seconds. Default: 30. At least three times
    /// <see cref="LoadBalancingIntervalSeconds"/>, so that one slow renewal costs nothing.
    /// </summary>
    [Range(3, 3_600)]
    public int OwnershipExpirySeconds { get; set; } = 30;

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (HubEndpoint.Problem(this) is { } wrong)
        {
            yield return new ValidationResult(wrong, [nameof(ConnectionString)]);
        }

        if (Proxy is { Length: > 0 } && !(Uri.TryCreate(Proxy, UriKind.Absolute, out var proxy) && proxy.Scheme is "http" or "https"))
        {
            yield return new ValidationResult("It is no address of a proxy. It must look like http://host:port.", [nameof(Proxy)]);
        }

        if (OwnershipExpirySeconds < 3 * LoadBalancingIntervalSeconds)
        {
            yield return new ValidationResult(
                $"It must be at least three times Hub:LoadBalancingIntervalSeconds ({LoadBalancingIntervalSeconds}); otherwise a worker "
                    + "loses its partitions when a single renewal is slow.",
                [nameof(OwnershipExpirySeconds)]);
        }
    }
}
