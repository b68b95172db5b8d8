namespace Ingest.Worker.Partitions;

/// <summary>
/// Ends reading a partition, so that it is claimed and proved anew: nothing is wrong, but the reader no longer stands on proven ground.
/// </summary>
internal sealed class PartitionRestartException(string message) : Exception(message);
