using Ingest.Settings;

namespace Ingest.Columns;

/// <summary>The columns that the pipeline itself fills, which are the table's key: their names, unquoted, and the device's type.</summary>
public sealed record KeyColumns(string Time = "time", string Device = "device", DeviceType DeviceType = DeviceType.Text);
