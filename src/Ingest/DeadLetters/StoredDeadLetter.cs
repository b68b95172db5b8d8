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
}
