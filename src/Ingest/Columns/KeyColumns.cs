using Ingest.Settings;

namespace Ingest.Columns;

/// <summary>The columns that are the table's key, unquoted.</summary>
/// <param name="Time">The row's time.</param>
/// <param name="Device">The device.</param>
/// <param name="DeviceType">The device's type.</param>
/// <param name="Metric">In a narrow table what the row's value is a value of, one of the table's other columns; null in a wide one.</param>
public sealed record KeyColumns(
    string Time = "time", string Device = "device", DeviceType DeviceType = DeviceType.Text, string? Metric = null)
{
    /// <summary>All of them.</summary>
    public IReadOnlyList<string> Names => Metric is null ? [Time, Device] : [Time, Device, Metric];
}
