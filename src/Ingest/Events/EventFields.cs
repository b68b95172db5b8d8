using Ingest.Settings;

namespace Ingest.Events;

/// <summary>What a pipeline asks of its source for each message, besides what it always gets.</summary>
/// <param name="TimeSource">Which stamp is the row's time.</param>
/// <param name="Annotations">The annotations that are mapped; their names match in any case.</param>
public sealed record EventFields(TimeSource TimeSource, IReadOnlySet<string> Annotations)
{
    /// <summary>IoT Hub's stamp, and no annotation more.</summary>
    public static EventFields Default { get; } = new(TimeSource.IotHub, new HashSet<string>());
}
