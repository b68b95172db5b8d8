namespace Ingest.Audit;

/// <summary>What an audit found to be wrong.</summary>
public enum AuditFault
{
    /// <summary>A reading is nowhere: neither a row nor a dead letter.</summary>
    Missing,

    /// <summary>A reading's row has other values than its message.</summary>
    Different,

    /// <summary>A row has no message.</summary>
    Unexplained,
}

/// <summary>A reading or a row that is not as it should be.</summary>
public sealed record AuditFinding
{
    public required AuditFault Fault { get; init; }

    /// <summary>The hub or archive of the message; null for a row without one.</summary>
    public string? Source { get; init; }

    /// <summary>The partition, or the archive's file.</summary>
    public string? Partition { get; init; }

    /// <summary>The sequence number, or the record in the archive's file.</summary>
    public long? SequenceNumber { get; init; }

    /// <summary>The reading's index in its message; -1 where it is the whole body.</summary>
    public int? Element { get; init; }

    /// <summary>The reading's stamp, or the row's time, UTC.</summary>
    public DateTime? Time { get; init; }

    public string? Device { get; init; }

    /// <summary>What the value is a value of, in a narrow table.</summary>
    public string? Metric { get; init; }

    /// <summary>Why the reading is rejected, where its dead letter is missing: the stable code.</summary>
    public string? Reason { get; init; }

    /// <summary>The values that were sent, by column, as text; null for a row without a message.</summary>
    public IReadOnlyDictionary<string, string?>? Sent { get; init; }

    /// <summary>The values that are stored, by column, as text; null where there is no row.</summary>
    public IReadOnlyDictionary<string, string?>? Stored { get; init; }
}
