namespace Ingest.Decode;

/// <summary>When a body may name the device, and what a device may be called.</summary>
/// <param name="WhereHubNamesNone">Whether the body's is taken where the hub names none.</param>
/// <param name="Gateways">Devices that may speak for others.</param>
/// <param name="AreUuids">Whether the table takes uuids alone.</param>
internal sealed record BodyDeviceRules(bool WhereHubNamesNone, IReadOnlySet<string> Gateways, bool AreUuids);
