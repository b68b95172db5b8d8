namespace Ingest.DeadLetters;

/// <summary>A dead letter as the table keeps it.</summary>
public sealed class StoredDeadLetter
{
    /// <summary>Its key: SHA-256 over the SHA-256 of stamp, device and body, and the element.</summary>
    public byte[] Key { get; init; } = [];

    /// <summary>The stamp of its message, UTC; null where it had none.</summary>
    public DateTime? Time { get; init; }

    public string? Device { get; init; }

    public string? Module { get; init; }

    /// <summary>The stable reason code.</summary>
    public string Reason { get; init; } = "";

    /// <summary>One sentence.</summary>
    public string Detail { get; init; } = "";

    /// <summary>The index of the reading in its body's array; -1 where the body is rejected whole.</summary>
    public int Element { get; init; }

    public string Hub { get; init; } = "";

    public string Partition { get; init; } = "";

    public long? SequenceNumber { get; init; }

    public string? Offset { get; init; }

    public string? MessageId { get; init; }

    public string? MessageSource { get; init; }

    public string? ContentType { get; init; }

    public string? ContentEncoding { get; init; }

    /// <summary>The application properties, as JSON.</summary>
    public string Properties { get; init; } = "{}";

    /// <summary>The body as it came, compressed where it came compressed.</summary>
    public byte[] Body { get; init; } = [];

    public DateTime ReceivedAt { get; init; }

    /// <summary>The mapped annotations, as JSON; null where they are not known, as the letter was kept by an older version.</summary>
    public string? Annotations { get; init; }

    /// <summary>The settings by which <see cref="Element"/> counts; null where they are not known.</summary>
    public string? Numbering { get; init; }

    /// <summary>What became of it: <c>stored</c>, <c>duplicate</c> or <c>discarded</c>; null while it is open.</summary>
    public string? Resolution { get; init; }

    public DateTime? ResolvedAt { get; init; }

    /// <summary>The command that resolved it, and its login.</summary>
    public string? ResolvedBy { get; init; }

    /// <summary>Why it was discarded.</summary>
    public string? Because { get; init; }
}
