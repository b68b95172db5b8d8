using Ingest.Decode.Places;

namespace Ingest.Decode;

/// <summary>When a message may name the device, and what a device may be called.</summary>
/// <param name="WhereHubNamesNone">Whether it is taken where the hub names none.</param>
/// <param name="Gateways">Devices that may speak for others.</param>
/// <param name="AreUuids">Whether the table takes uuids alone.</param>
/// <param name="From">Where the message names it; null where it does not.</param>
internal sealed record BodyDeviceRules(bool WhereHubNamesNone, IReadOnlySet<string> Gateways, bool AreUuids, Place? From);
