namespace Ingest.Decode;

/// <summary>When a body may name the device.</summary>
/// <param name="WhereHubNamesNone">Whether the body's is taken where the hub names none.</param>
/// <param name="Gateways">Devices that may speak for others.</param>
internal sealed record BodyDeviceRules(bool WhereHubNamesNone, IReadOnlySet<string> Gateways);
