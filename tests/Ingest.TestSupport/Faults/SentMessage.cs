namespace Ingest.TestSupport.Faults;

/// <summary>Where a message sent must be found.</summary>
public enum Place
{
    /// <summary>In the table.</summary>
    Table,

    /// <summary>Among the dead letters.</summary>
    DeadLetters,

    /// <summary>Nowhere: it is no telemetry.</summary>
    Nowhere,
}

/// <summary>A message of one reading, as a device sent it.</summary>
/// <param name="Stamp">IoT Hub's stamp, UTC, whole milliseconds.</param>
/// <param name="Device">The device.</param>
/// <param name="Body">The body.</param>
/// <param name="Place">Where it must be found.</param>
/// <param name="Temperature">What the table must say of it.</param>
/// <param name="Humidity">What the table must say of it.</param>
internal sealed record SentMessage(DateTime Stamp, string Device, string Body, Place Place, double Temperature, double Humidity);
