using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Ingest.LocalHub;

/// <summary>How a <see cref="LocalEventHub"/> is set up.</summary>
public sealed class LocalHubSettings
{
    /// <summary>The event hub's name, as in <c>EntityPath</c>. Default: <c>telemetry</c>.</summary>
    [Required]
    public string Name { get; init; } = "telemetry";

    /// <summary>The port on 127.0.0.1; 0 takes a free one. Default: 5672, where Microsoft's clients look for a hub of development.</summary>
    [Range(0, 65535)]
    public int Port { get; init; } = 5672;

    /// <summary>The number of partitions; their ids are 0, 1, …. Default: 4.</summary>
    [Range(1, 1024)]
    public int Partitions { get; init; } = 4;

    /// <summary>
    /// The consumer groups besides <c>$Default</c>. None by default; a reader in a group that is not here is refused.
    /// What <c>$Default</c> has not read is kept whether it is attached or not; for other groups, while one of their readers is attached.
    /// </summary>
    public IReadOnlyList<string> ConsumerGroups { get; init; } = [];

    /// <summary>
    /// How many bytes of events a partition holds before it drops those which every reader has passed; while one still needs them, the
    /// senders are held back. A sender may still send what it has credit for: up to 256 messages. Null keeps everything and holds nobody
    /// back. Default: 64 MB.
    /// </summary>
    [Range(1, long.MaxValue)]
    public long? MaxBytesPerPartition { get; init; } = 64 * 1024 * 1024;

    /// <summary>
    /// The sequence number each partition starts with, so that a hub can go on where another one ended: what is older counts as expired.
    /// Partitions past the end of the list start with 0. Default: empty.
    /// </summary>
    public IReadOnlyList<long> FirstSequenceNumbers { get; init; } = [];

    /// <summary>The name of the key in the connection string. Default: <c>local</c>.</summary>
    [Required]
    public string SharedAccessKeyName { get; init; } = "local";

    /// <summary>
    /// The key that tokens must be signed with. Default: null, and then any token is taken, and none is needed.
    /// </summary>
    public string? SharedAccessKey { get; init; }

    /// <summary>Stamps the events.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Where the hub logs to.</summary>
    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;
}
