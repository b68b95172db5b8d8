using System.ComponentModel.DataAnnotations;

namespace Ingest.Sources.EventHubs;

/// <summary>Which event hub is read, and how: section <c>Hub</c>.</summary>
public sealed class HubSettings : IValidatableObject
{
    public const string Section = "Hub";

    /// <summary>The Event Hubs-compatible connection string: <c>Endpoint=sb://…;SharedAccessKeyName=…;SharedAccessKey=…;EntityPath=…</c>.</summary>
    [Required(AllowEmptyStrings = false, ErrorMessage = "Hub:ConnectionString is missing: the Event Hub-compatible endpoint from the IoT hub's page 'Built-in endpoints'.")]
    public string ConnectionString { get; set; } = "";

    /// <summary>The event hub's name. Default: the connection string's EntityPath.</summary>
    public string? Name { get; set; }

    /// <summary>
    /// What the hub is called in events, checkpoints, dead letters and accounts. Default: <c>host/name</c>. A failover changes the endpoint's
    /// host; with the name set here to what it was, the checkpoints are found, and reading goes on by the last event's stamp.
    /// </summary>
    public string? Identity { get; set; }

    /// <summary>The consumer group. Default: <c>$Default</c>.</summary>
    [Required(AllowEmptyStrings = false)]
    public string ConsumerGroup { get; set; } = "$Default";

    /// <summary>The partitions to read. Default: empty, all.</summary>
    public IList<string> Partitions { get; } = [];

    /// <summary>Most events of a partition received and not yet stored. Default: 2,000.</summary>
    [Range(1, 100_000)]
    public int PrefetchEvents { get; set; } = 2_000;

    /// <summary>
    /// About how many bytes of a partition's events are held while they wait to be stored. Default: 4 MiB. Large messages arrive with less
    /// credit, by the average size seen; never with less than one event.
    /// </summary>
    [Range(64 * 1024, 1024 * 1024 * 1024)]
    public int PrefetchBytes { get; set; } = 4 * 1024 * 1024;

    /// <summary>Most events of a partition handed to the pipeline at once. Default: 1,000.</summary>
    [Range(1, 100_000)]
    public int MaxBatchEvents { get; set; } = 1_000;

    /// <summary>How long connecting, authorising or one request may take, in seconds. Default: 30.</summary>
    [Range(1, 600)]
    public int OperationTimeoutSeconds { get; set; } = 30;

    /// <summary>Silence after which a connection counts as dead, in seconds; heartbeats keep a quiet one alive. Default: 60.</summary>
    [Range(2, 3_600)]
    public int IdleTimeoutSeconds { get; set; } = 60;

    /// <summary>Lifetime of the access tokens signed here, in minutes; each is renewed when four fifths of it have passed. Default: 60.</summary>
    [Range(1, 1_440)]
    public int TokenLifetimeMinutes { get; set; } = 60;

    /// <summary>Longest pause before the next attempt to reconnect, in seconds; what only an operator can mend is retried at this pace. Default: 30.</summary>
    [Range(1, 3_600)]
    public int MaxRetryDelaySeconds { get; set; } = 30;

    /// <summary>How often the end of each partition is asked for, to tell the lag, in seconds. Default: 10.</summary>
    [Range(1, 3_600)]
    public int LagIntervalSeconds { get; set; } = 10;

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (string.IsNullOrWhiteSpace(ConnectionString))
        {
            yield break;
        }

        string? wrong = null;
        try
        {
            _ = HubEndpoint.From(this);
        }
        catch (FormatException exception)
        {
            wrong = exception.Message;
        }

        if (wrong is not null)
        {
            yield return new ValidationResult(wrong, [nameof(ConnectionString)]);
        }
    }
}
