namespace Ingest.Cli.Simulation;

/// <summary>A message of a simulated device, with what IoT Hub would say about it.</summary>
/// <param name="Number">The number of the device that sends it.</param>
/// <param name="Device">Its name.</param>
/// <param name="Stamp">IoT Hub's stamp, UTC, whole milliseconds.</param>
/// <param name="Source">IoT Hub's message source.</param>
/// <param name="Body">The body, UTF-8.</param>
/// <param name="Fault">What is wrong with it, if anything.</param>
internal sealed record SimulatedMessage(int Number, string Device, DateTime Stamp, string Source, byte[] Body, Fault? Fault);
