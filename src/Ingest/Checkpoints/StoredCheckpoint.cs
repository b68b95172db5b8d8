using System.Text.Json.Serialization;
using Ingest.Events;

namespace Ingest.Checkpoints;

/// <summary>A partition's checkpoint as the database holds it.</summary>
/// <param name="Partition">Whose it is.</param>
/// <param name="Epoch">The owner's epoch.</param>
/// <param name="Position">How far everything is durable; null where nothing has been stored yet.</param>
/// <param name="Counts">Where the partition's readings ended, since its first.</param>
/// <param name="UpdatedAt">When it was last moved or claimed, by the server's clock.</param>
public sealed record StoredCheckpoint(
    PartitionKey Partition,
    long Epoch,
    Position? Position,
    [property: JsonPropertyName("accounts")] ReadingCounts Counts,
    DateTime UpdatedAt);
