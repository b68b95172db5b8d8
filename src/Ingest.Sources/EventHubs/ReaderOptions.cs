using Ingest.Settings;

namespace Ingest.Sources.EventHubs;

/// <summary>How one partition is read.</summary>
/// <param name="ConsumerGroup">The consumer group.</param>
/// <param name="Partition">The partition's id.</param>
/// <param name="Start">Where to begin.</param>
/// <param name="Epoch">The owner's epoch; null reads beside others and owns nothing.</param>
/// <param name="TimeSource">Which stamp is the row's time.</param>
internal sealed record ReaderOptions(string ConsumerGroup, string Partition, StartPosition Start, long? Epoch, TimeSource TimeSource);
