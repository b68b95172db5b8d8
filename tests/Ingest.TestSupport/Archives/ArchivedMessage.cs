namespace Ingest.TestSupport.Archives;

/// <summary>A message as an archive holds it.</summary>
/// <param name="Device">The device that IoT Hub authenticated; null: none.</param>
/// <param name="Stamp">IoT Hub's stamp, UTC.</param>
/// <param name="Body">Its bytes.</param>
public sealed record ArchivedMessage(string? Device, DateTime Stamp, byte[] Body)
{
    public string? ContentType { get; init; } = "application/json";

    public string? ContentEncoding { get; init; }

    public IReadOnlyDictionary<string, string> Properties { get; init; } = new Dictionary<string, string>();

    /// <summary>How far the event hub's stamp is behind IoT Hub's.</summary>
    public TimeSpan HubLag { get; init; } = TimeSpan.FromMilliseconds(200);
}
